import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

/** Publishes `autoconfig.xml` for an e-mail address, or nothing, in place of what was published for it before. */
export type Publish = (emailAddress: string, autoconfig: string | null) => void;

/**
 * Serves autoconfig files by HTTPS, each to its address, as a hosting server does that answers for each mailbox.
 * Evolution sends `EVOLUTIONUSER@DOMAIN` and the MD5 of the real address (`e-autosource-autoconfig` in its source).
 */
export async function startAutoconfigHost(certificate: {
  readonly certificate: string;
  readonly key: string;
}): Promise<Publish> {
  const published = new Map<string, string>();
  const md5 = (text: string) => createHash('md5').update(text).digest('hex');
  const options = {
    cert: readFileSync(certificate.certificate),
    key: readFileSync(certificate.key),
  };
  const server = createServer(options, (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'https://localhost');
    const asked = searchParams.get('emailaddress') ?? '';
    const found = [...published].find(
      ([address]) => address === asked || md5(address) === searchParams.get('emailmd5'),
    );
    if (!pathname.endsWith('/mail/config-v1.1.xml') || found === undefined)
      response.writeHead(404).end();
    else response.setHeader('Content-Type', 'text/xml').end(found[1]);
  });
  await once(server.listen(443, '127.0.0.1'), 'listening');
  return (emailAddress, autoconfig) => {
    if (autoconfig === null) published.delete(emailAddress);
    else published.set(emailAddress, autoconfig);
  };
}
