import type { Element } from '@xmldom/xmldom';
import type { AdvertisedServer, Flaw, SkippedEntry, SkippedServer } from '../domain/discovery';
import { placeholdersOf, refused, thunderbirdRoot, type Answer, type Reading } from './autoconfig';
import {
  isThunderbirdUrl,
  jxonChild,
  thunderbirdHost,
  thunderbirdInteger,
  thunderbirdText,
} from './jxon';
import { childrenOf, elementsIn, ownText, parseXml } from './xml';

/** Where an answer sends the client: to another URL, or to another e-mail address. */
export type Redirect =
  | { readonly kind: 'to-url'; readonly to: string }
  | { readonly kind: 'to-address'; readonly to: string };

const rootSchema = 'http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006';
const responseSchema =
  'http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a';

const protocols: ReadonlyMap<string, AdvertisedServer['protocol']> = new Map([
  ['IMAP', 'imap'],
  ['POP3', 'pop3'],
  ['SMTP', 'submission'],
]);

/** Types of `Protocol` that make an Exchange account. */
const exchangeTypes = ['EXCH', 'EXPR', 'EXHTTP', 'mapiHttp'];

/**
 * An answer of autodiscover (POX), as [MS-OXDSCLI] says Outlook understands it. What it does with a value that
 * is not in there is not known, and said.
 */
export function readAutodiscover({ text }: Answer): Reading | Redirect {
  const root = parseXml(text);
  if (root?.localName !== 'Autodiscover') return { kind: 'not-understood' };
  const response = named(root, 'Response');
  if (response === undefined) return { kind: 'not-understood' };
  const error = named(response, 'Error');
  if (error !== undefined) {
    const message = [value(error, 'ErrorCode'), value(error, 'Message')].filter(Boolean).join(': ');
    return { kind: 'error', message: message.slice(0, 200) };
  }
  const account = named(response, 'Account');
  if (account === undefined) return { kind: 'not-understood' };
  const action = value(account, 'Action');
  if (action === 'redirectUrl') return { kind: 'to-url', to: value(account, 'RedirectUrl') ?? '' };
  if (action === 'redirectAddr') {
    return { kind: 'to-address', to: value(account, 'RedirectAddr') ?? '' };
  }

  const unspecified: SkippedEntry[] = [
    ...expected('xmlns', root.namespaceURI, rootSchema),
    ...expected('xmlns', response.namespaceURI, responseSchema),
    ...expected('Action', action, 'settings'),
    ...expected('AccountType', value(account, 'AccountType'), 'email'),
  ];
  const servers: (AdvertisedServer & { readonly usesIncomingLogin: boolean })[] = [];
  const otherAccounts: string[] = [];
  const skipped: SkippedServer[] = [];
  for (const entry of elementsIn(account).filter((one) => one.localName === 'Protocol')) {
    const type = value(entry, 'Type') ?? entry.getAttribute('Type') ?? '';
    // The address of Outlook on the web.
    if (type === 'WEB') continue;
    if (exchangeTypes.includes(type)) {
      otherAccounts.push(type);
      continue;
    }
    const protocol = protocols.get(type);
    const host = value(entry, 'Server') ?? '';
    const port = value(entry, 'Port') ?? '';
    const skip = (what: string, written: string) =>
      skipped.push({ what, value: written, protocol: protocol ?? null });
    if (protocol === undefined) skip('Type', type);
    else if (thunderbirdHost(host) === null) skip('Server', host);
    else if (!isPort(port)) skip('Port', port);
    else servers.push({ protocol, host, port: Number(port), ...settingsOf(entry) });
  }
  const incoming = servers.find(({ protocol }) => protocol !== 'submission');
  return {
    kind: 'servers',
    settings: {
      servers: servers.map(({ usesIncomingLogin, ...server }) =>
        usesIncomingLogin && incoming !== undefined ? { ...server, login: incoming.login } : server,
      ),
      usesAll: true,
      ...{ otherAccounts, skipped, unspecified },
    },
  };
}

function settingsOf(entry: Element) {
  const { security, clear } = encryptionOf(entry);
  const flaws: (Flaw | false)[] = [
    !clear && 'encryption-unclear',
    // Without the element it is on.
    value(entry, 'SPA')?.toLowerCase() !== 'off' && 'challenge-response',
    (value(entry, 'AuthRequired') ?? 'on').toLowerCase() !== 'on' && 'no-authentication',
    (value(entry, 'DomainRequired') ?? 'off').toLowerCase() !== 'off' && 'windows-domain',
  ];
  const name = value(entry, 'LoginName') ?? '';
  const login = name === '' ? null : name;
  return {
    ...{ security, login },
    flaws: flaws.filter((flaw) => flaw !== false),
    usesIncomingLogin: login === null && value(entry, 'UsePOPAuth')?.toLowerCase() === 'on',
  };
}

/**
 * `Encryption` counts before `SSL`, which is on where the element is missing. With `Auto` the client takes what
 * the server offers, also nothing; an empty or unknown value says nothing.
 */
function encryptionOf(entry: Element): Pick<AdvertisedServer, 'security'> & { clear: boolean } {
  const encryption = value(entry, 'Encryption')?.toUpperCase();
  const ssl = (value(entry, 'SSL') ?? 'on').toLowerCase();
  if (encryption === 'TLS') return { security: 'starttls', clear: true };
  if (encryption === 'SSL') return { security: 'implicit-tls', clear: true };
  if (encryption === 'NONE') return { security: null, clear: true };
  if (encryption !== undefined) return { security: null, clear: false };
  if (ssl === 'on') return { security: 'implicit-tls', clear: true };
  return { security: null, clear: ssl === 'off' };
}

/** Types of `Protocol` that make an Exchange account in Thunderbird, if the entry has the URL of that server. */
const thunderbirdExchangeTypes = ['EXCH', 'EXHTTP'];

/** Ports where Thunderbird takes "encrypted" for STARTTLS. */
const startTlsPorts = [143, 110, 25, 587];

/**
 * The same answer as Thunderbird 153 understands it, if it finds no autoconfig: readAutoDiscoverXML() in
 * ExchangeAutoDiscover.sys.mjs. It chooses the security by the port, leaves out an entry with an empty switch,
 * and sends through the server of another account where the answer names none.
 */
export function readAutodiscoverInThunderbird(
  answer: Answer,
  emailAddress: string,
): Reading | Redirect {
  const root = thunderbirdRoot(answer);
  if ('kind' in root) return root;
  const [response] = root.nodeName === 'Autodiscover' ? childrenOf(root, 'Response') : [];
  const [account] = response === undefined ? [] : childrenOf(response, 'Account');
  if (account === undefined) return refused({ kind: 'other-document' });
  const address = jxonChild(account, 'RedirectAddr');
  if (address !== null) return { kind: 'to-address', to: address };

  const servers: AdvertisedServer[] = [];
  const otherAccounts: string[] = [];
  const skipped: SkippedServer[] = [];
  for (const entry of childrenOf(account, 'Protocol')) {
    const type = jxonChild(entry, 'Type') ?? '';
    const protocol = protocols.get(type);
    const skip = (what: string, written: string | null) =>
      skipped.push({ what, value: written ?? '', protocol: protocol ?? null });
    if (protocol === undefined) {
      if (thunderbirdExchangeTypes.includes(type)) {
        if (isThunderbirdUrl(jxonChild(entry, 'EwsUrl'))) otherAccounts.push(type);
        else skip('EwsUrl', jxonChild(entry, 'EwsUrl'));
      } else if (type === 'WEB') {
        if (hasWebUrl(entry)) otherAccounts.push(type);
      } else if (type !== 'EXPR') skip('Type', type);
      continue;
    }
    const host = thunderbirdHost(jxonChild(entry, 'Server'));
    const port = thunderbirdInteger(jxonChild(entry, 'Port'));
    const switched = (name: string) => (jxonChild(entry, name) ?? '').toLowerCase();
    const noSsl = switched('SSL') === 'off';
    // An empty element is true, which is no string: toLowerCase() throws. Encryption is not read where SSL is off.
    const unreadable = ['SSL', ...(noSsl ? [] : ['Encryption']), 'SPA'].find((name) =>
      ['true', 'false'].includes(switched(name)),
    );
    const login = jxonChild(entry, 'LoginName');
    if (host === null) skip('Server', jxonChild(entry, 'Server'));
    else if (!(port > 0)) skip('Port', jxonChild(entry, 'Port'));
    else if (unreadable !== undefined) skip(unreadable, '');
    else if (login !== null && thunderbirdText(login) === null) skip('LoginName', login);
    else {
      const plain = noSsl || switched('Encryption') === 'none';
      const encrypted = startTlsPorts.includes(port) ? 'starttls' : 'implicit-tls';
      servers.push({
        ...{ protocol, host, port },
        security: plain ? null : encrypted,
        login: login ?? emailAddress,
        flaws: switched('SPA') === 'on' ? ['challenge-response'] : [],
      });
    }
  }
  const usable = servers.filter(({ protocol }) => protocol !== 'submission');
  if (usable.length + otherAccounts.length === 0) return refused({ kind: 'no-incoming' }, skipped);
  return {
    kind: 'servers',
    settings: {
      servers: servers.map(placeholdersOf(emailAddress)),
      usesAll: false,
      ...{ otherAccounts, skipped, unspecified: [] },
    },
  };
}

/** Whether an entry has the URL of Outlook on the web: Thunderbird makes an Exchange account of it. */
function hasWebUrl(entry: Element): boolean {
  const [where] = [...childrenOf(entry, 'External'), ...childrenOf(entry, 'Internal')];
  const [url] = where === undefined ? [] : childrenOf(where, 'OWAUrl');
  return url !== undefined && isThunderbirdUrl(ownText(url));
}

/** The request that Outlook and Thunderbird send. */
export function autodiscoverRequest(emailAddress: string): string {
  const escaped = emailAddress.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  return `<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request><EMailAddress>${escaped}</EMailAddress><AcceptableResponseSchema>${responseSchema}</AcceptableResponseSchema></Request></Autodiscover>`;
}

function named(parent: Element, name: string): Element | undefined {
  return elementsIn(parent).find(({ localName }) => localName === name);
}

/** The text of the first child of that name; null where there is none. */
function value(parent: Element, name: string): string | null {
  const child = named(parent, name);
  return child === undefined ? null : ownText(child).trim();
}

function expected(what: string, found: string | null, right: string): SkippedEntry[] {
  return found === right ? [] : [{ what, value: found ?? '' }];
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) > 0 && Number(text) < 65_536;
}
