import type { Element } from '@xmldom/xmldom';
import type {
  AdvertisedServer,
  Flaw,
  LookupResult,
  Refusal,
  SkippedEntry,
  SkippedServer,
} from '../domain/discovery';
import {
  jxonAttribute,
  jxonChild,
  jxonValues,
  thunderbirdHost,
  thunderbirdInteger,
  writtenValues,
} from './jxon';
import { childrenOf, parseXml } from './xml';

/** What a client understands of an answer. */
export type Reading = Extract<
  LookupResult,
  { kind: 'servers' | 'refused' | 'not-understood' | 'error' }
>;

/** An answer of a web server. */
export interface Answer {
  readonly text: string;
  /** The header Content-Type; '' where there is none. */
  readonly contentType: string;
}

/** Only an answer of these types is a document to Thunderbird: fetchHTTP() in FetchHTTP.sys.mjs. */
const documentTypes = ['text/xml', 'application/xml', 'text/rdf'];

/** The root element of an answer, as Thunderbird takes it; a reading where there is none. */
export function thunderbirdRoot({ text, contentType }: Answer): Element | Reading {
  if (!documentTypes.some((type) => contentType.startsWith(type))) {
    return refused({ kind: 'content-type', contentType: contentType.slice(0, 100) });
  }
  return parseXml(text) ?? { kind: 'not-understood' };
}

export function refused(why: Refusal, skipped: readonly SkippedEntry[] = []): Reading {
  return { kind: 'refused', why, skipped };
}

type Security = AdvertisedServer['security'];

/** The words for `socketType` that Thunderbird knows: case and white space count. */
const socketTypes: ReadonlyMap<string, Security> = new Map<string, Security>([
  ['plain', null],
  ['SSL', 'implicit-tls'],
  ['STARTTLS', 'starttls'],
]);

/** The words for `authentication`, with what is wrong about each. */
const loginTypes: ReadonlyMap<string, readonly Flaw[]> = new Map<string, readonly Flaw[]>([
  ['password-cleartext', []],
  ['plain', []],
  ...['password-encrypted', 'secure', 'GSSAPI', 'NTLM'].map(
    (word) => [word, ['challenge-response']] as const,
  ),
]);

const outgoingLoginTypes: typeof loginTypes = new Map<string, readonly Flaw[]>([
  ...loginTypes,
  ...['none', 'client-IP-address', 'smtp-after-pop'].map(
    (word) => [word, ['no-authentication']] as const,
  ),
]);

const incomingProtocols: ReadonlyMap<string, AdvertisedServer['protocol']> = new Map([
  ['imap', 'imap'],
  ['pop3', 'pop3'],
]);

/** Types of `incomingServer` that make another kind of account. */
const otherAccountTypes = ['nntp', 'exchange', 'ews', 'owa', 'graph'];

/**
 * A Mozilla autoconfig document, as Thunderbird 153 understands it: readFromXML() in readFromXML.sys.mjs. It
 * leaves out a server with a value that it does not know, and refuses a document without a server for receiving
 * and one for sending. It ignores `domain` elements for other domains, the version, and elements that it does
 * not know. `OAuth2` it accepts only for the hosts of some large providers (OAuth2Providers.sys.mjs).
 */
export function readAutoconfig(answer: Answer, emailAddress: string): Reading {
  const root = thunderbirdRoot(answer);
  if ('kind' in root) return root;
  const [provider] = root.nodeName === 'clientConfig' ? childrenOf(root, 'emailProvider') : [];
  if (provider === undefined) return refused({ kind: 'other-document' });
  const id = jxonAttribute(provider, 'id');
  if (thunderbirdHost(id) === null) {
    return refused({ kind: 'invalid', what: 'id', value: id ?? '' });
  }
  const domains = jxonValues(provider, 'domain');
  if (domains.every((domain) => thunderbirdHost(domain) === null)) {
    return refused({ kind: 'invalid', what: 'domain', value: domains[0] ?? '' });
  }

  const filled = placeholdersOf(emailAddress);
  const servers: AdvertisedServer[] = [];
  const otherAccounts: string[] = [];
  const skipped: SkippedServer[] = [];
  const unspecified: SkippedEntry[] = [];

  for (const entry of childrenOf(provider, 'incomingServer')) {
    const type = jxonAttribute(entry, 'type') ?? '';
    const protocol = incomingProtocols.get(type);
    if (protocol === undefined && !otherAccountTypes.includes(type)) {
      skipped.push({ what: 'type', value: type, protocol: null });
      continue;
    }
    const read = readServer(entry, loginTypes);
    if ('what' in read) {
      skipped.push({ ...read, protocol: protocol ?? null });
      continue;
    }
    if (protocol === undefined) {
      otherAccounts.push(type);
      continue;
    }
    const url = jxonChild(entry, 'url');
    if (url !== null) unspecified.push({ what: 'url', value: url });
    servers.push(filled({ ...read, protocol }));
  }
  if (servers.length + otherAccounts.length === 0) return refused({ kind: 'no-incoming' }, skipped);

  const incoming = servers.length;
  for (const entry of childrenOf(provider, 'outgoingServer')) {
    const type = entry.getAttribute('type') ?? '';
    if (type !== 'smtp') {
      skipped.push({ what: 'type', value: type, protocol: null });
      continue;
    }
    const read = readServer(entry, outgoingLoginTypes);
    if ('what' in read) skipped.push({ ...read, protocol: 'submission' });
    else servers.push(filled({ ...read, protocol: 'submission' }));
  }
  if (servers.length === incoming) return refused({ kind: 'no-outgoing' }, skipped);
  return {
    kind: 'servers',
    settings: { servers, usesAll: false, otherAccounts, skipped, unspecified },
  };
}

type ReadServer = Omit<AdvertisedServer, 'protocol'>;

/** The values of a server, or the one that Thunderbird does not accept. */
function readServer(entry: Element, authentications: typeof loginTypes): ReadServer | SkippedEntry {
  const refusal = (what: string) => ({ what, value: writtenValues(entry, what) });
  const host = thunderbirdHost(jxonChild(entry, 'hostname'));
  if (host === null) return refusal('hostname');
  const written = jxonChild(entry, 'port');
  // A server for receiving may lack the element.
  const missing = written === null && authentications === loginTypes;
  const port = missing ? 0 : thunderbirdInteger(written);
  if (!missing && !(port >= 1 && port <= 65_535)) return refusal('port');
  const socket = jxonValues(entry, 'socketType').find((one) => socketTypes.has(one));
  if (socket === undefined) return refusal('socketType');
  const method = jxonValues(entry, 'authentication').find((one) => authentications.has(one));
  if (method === undefined) return refusal('authentication');
  const flaws = [...(authentications.get(method) ?? [])];
  if (jxonChild(entry, 'useGlobalPreferredServer') === 'true') flaws.push('default-server');
  if (childrenOf(entry, 'password').length > 0) flaws.push('password');
  return {
    ...{ host, port, flaws },
    security: socketTypes.get(socket) ?? null,
    // String(undefined) in InputSanitizer.string().
    login: jxonChild(entry, 'username') ?? 'undefined',
  };
}

/** Fills in the placeholders, which count in login and host: replaceVariables() in AccountConfig.sys.mjs. */
export function placeholdersOf(
  emailAddress: string,
): (server: AdvertisedServer) => AdvertisedServer {
  const at = emailAddress.lastIndexOf('@');
  const fill = (value: string) =>
    value
      .replaceAll('%EMAILADDRESS%', emailAddress)
      .replaceAll('%EMAILLOCALPART%', emailAddress.slice(0, at))
      .replaceAll('%EMAILDOMAIN%', emailAddress.slice(at + 1));
  return (server) => ({
    ...server,
    host: fill(server.host),
    login: server.login === null ? null : fill(server.login),
  });
}
