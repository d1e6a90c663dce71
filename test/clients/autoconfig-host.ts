import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';

/** What is served for an address: a file, the answer of the answer service, or nothing. */
export type Served =
  | { readonly kind: 'file'; readonly autoconfig: string }
  | { readonly kind: 'answer' }
  | { readonly kind: 'nothing' };

/** Serves this for an e-mail address, in place of what was served for it before. */
export type Publish = (emailAddress: string, served: Served) => void;

/**
 * Serves autoconfig by HTTPS, to each address what is published for it, as a hosting server does that answers for each
 * mailbox. `answers` is the answer service. Evolution sends `EVOLUTIONUSER@DOMAIN` and the MD5 of the real address
 * (`e-autosource-autoconfig` in its source).
 */
export async function startAutoconfigHost(
  certificate: { readonly certificate: string; readonly key: string },
  answers: RequestListener,
): Promise<Publish> {
  const published = new Map<string, Served>();
  const md5 = (text: string) => createHash('md5').update(text).digest('hex');
  const options = {
    cert: readFileSync(certificate.certificate),
    key: readFileSync(certificate.key),
  };
  const server = createServer(options, (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'https://localhost');
    const asked = searchParams.get('emailaddress') ?? '';
    const [, served] = [...published].find(
      ([address]) => address === asked || md5(address) === searchParams.get('emailmd5'),
    ) ?? ['', { kind: 'nothing' }];
    if (served.kind === 'answer') answers(request, response);
    else if (served.kind === 'file' && pathname.endsWith('/mail/config-v1.1.xml'))
      response.setHeader('Content-Type', 'text/xml').end(served.autoconfig);
    else response.writeHead(404).end();
  });
  await once(server.listen(443, '127.0.0.1'), 'listening');
  return (emailAddress, served) => {
    published.set(emailAddress, served);
  };
}
