import { Parser } from 'xml2js';
import type { AdvertisedServer } from '../domain/discovery';

type Node = Readonly<Record<string, unknown>>;

const protocols: Readonly<Record<string, AdvertisedServer['protocol']>> = {
  imap: 'imap',
  pop3: 'pop3',
  smtp: 'submission',
};

/**
 * The servers in a Mozilla autoconfig document (draft-ietf-mailmaint-autoconfig), with its placeholders
 * filled in for an address. Null where the text is not such a document.
 */
export async function readAutoconfig(
  text: string,
  emailAddress: string,
): Promise<AdvertisedServer[] | null> {
  const provider = first(first(await parse(text), 'clientConfig'), 'emailProvider');
  if (provider === null) return null;
  const at = emailAddress.lastIndexOf('@');
  const filled = (value: string) =>
    value
      .replaceAll('%EMAILADDRESS%', emailAddress)
      .replaceAll('%EMAILLOCALPART%', emailAddress.slice(0, at))
      .replaceAll('%EMAILDOMAIN%', emailAddress.slice(at + 1));
  return [...all(provider, 'incomingServer'), ...all(provider, 'outgoingServer')].flatMap(
    (server): AdvertisedServer[] => {
      const { type } = (server.$ ?? {}) as { type?: unknown };
      const protocol = protocols[String(type)];
      const port = Number(value(server, 'port'));
      if (protocol === undefined || !isPort(port)) return [];
      const socketType = value(server, 'socketType').toUpperCase();
      return [
        {
          protocol,
          host: filled(value(server, 'hostname')),
          port,
          security:
            socketType === 'SSL' ? 'implicit-tls' : socketType === 'STARTTLS' ? 'starttls' : null,
          login: filled(value(server, 'username')) || null,
          challengeResponse: /encrypted|NTLM|GSSAPI|CRAM/i.test(value(server, 'authentication')),
        },
      ];
    },
  );
}

/** The servers in an answer of Outlook Autodiscover (POX, [MS-OXDSCLI]). An absent switch means "on". */
export async function readAutodiscover(text: string): Promise<AdvertisedServer[] | null> {
  const account = first(first(first(await parse(text), 'Autodiscover'), 'Response'), 'Account');
  if (account === null) return null;
  return all(account, 'Protocol').flatMap((server): AdvertisedServer[] => {
    const protocol = protocols[value(server, 'Type').toLowerCase()];
    const port = Number(value(server, 'Port'));
    if (protocol === undefined || !isPort(port)) return [];
    const encryption = value(server, 'Encryption').toUpperCase();
    const encrypted = value(server, 'SSL').toLowerCase() !== 'off';
    return [
      {
        protocol,
        host: value(server, 'Server'),
        port,
        security:
          encryption === 'TLS'
            ? 'starttls'
            : encryption === 'SSL' || (encryption === '' && encrypted)
              ? 'implicit-tls'
              : null,
        login: value(server, 'LoginName') || null,
        challengeResponse: value(server, 'SPA').toLowerCase() !== 'off',
      },
    ];
  });
}

/** The request that Outlook sends. */
export function autodiscoverRequest(emailAddress: string): string {
  const escaped = emailAddress.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  return `<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request><EMailAddress>${escaped}</EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>`;
}

async function parse(text: string): Promise<Node | null> {
  try {
    const parsed: unknown = await new Parser({ explicitRoot: true }).parseStringPromise(text);
    return isNode(parsed) ? parsed : null;
  } catch {
    return null;
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The children of that name that have children themselves. */
function all(node: Node | null, name: string): Node[] {
  const found: unknown = node?.[name];
  const list: readonly unknown[] = Array.isArray(found) ? found : [found];
  return list.filter(isNode);
}

function first(node: Node | null, name: string): Node | null {
  return all(node, name)[0] ?? null;
}

/** The text of the first child of that name; '' where there is none. */
function value(node: Node, name: string): string {
  const found: unknown = node[name];
  const [one]: unknown[] = Array.isArray(found) ? (found as unknown[]) : [found];
  const text = isNode(one) ? one._ : one;
  return typeof text === 'string' ? text.trim() : '';
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65_536;
}
