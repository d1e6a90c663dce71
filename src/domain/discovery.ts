import { allServices, type ClientSettings, type Service } from './client-settings';
import { isBroken, observationOf } from './observation';
import type { Security } from './policy';

/** The names of SRV records: RFC 6186, and RFC 8314 for `_submissions`. */
export const srvLabels: Readonly<Record<Service['protocol'], Readonly<Record<Security, string>>>> =
  {
    imap: { starttls: '_imap', 'implicit-tls': '_imaps' },
    pop3: { starttls: '_pop3', 'implicit-tls': '_pop3s' },
    submission: { starttls: '_submission', 'implicit-tls': '_submissions' },
  };

const securities = ['starttls', 'implicit-tls'] as const;

/** Each kind of SRV record, with its protocol and security. */
export const srvKinds = (['imap', 'pop3', 'submission'] as const).flatMap((protocol) =>
  securities.map((security) => ({ label: srvLabels[protocol][security], protocol, security })),
);

/**
 * What a document or record makes a client do that the policy does not, apart from host, port, security and
 * login: see readAutoconfig and readAutodiscover.
 */
export type Flaw =
  /** A login with a challenge, or the one of a Windows domain. It cannot work with hashed passwords. */
  | 'challenge-response'
  /** It sends without logging in. */
  | 'no-authentication'
  /** The client chooses the encryption, and may use none. */
  | 'encryption-unclear'
  /** It sends through the server of another account, if the client has one. */
  | 'default-server'
  /** It puts the name of a Windows domain before the login. */
  | 'windows-domain'
  /** The document contains a password. */
  | 'password';

/** A mail server in a document for mail clients or in a DNS record, as the client understands it. */
export interface AdvertisedServer {
  readonly protocol: Service['protocol'];
  readonly host: string;
  /** 0 where none is given. */
  readonly port: number;
  /** Null where the connection is not encrypted, or not certainly: then with the flaw `encryption-unclear`. */
  readonly security: Security | null;
  /** The login for the client to use; null where none is given: clients then use the e-mail address. */
  readonly login: string | null;
  readonly flaws: readonly Flaw[];
}

/** An entry for a server that a client leaves out, because it does not understand one of its values. */
export interface SkippedEntry {
  /** The name of the element or attribute, as written in the document. */
  readonly what: string;
  /** Its value; empty where it is missing. */
  readonly value: string;
}

/** A server that a client leaves out. */
export interface SkippedServer extends SkippedEntry {
  /** Null where the client does not know which protocol it is. */
  readonly protocol: AdvertisedServer['protocol'] | null;
}

/** A document for mail clients, as one of them understands it. */
export interface AdvertisedSettings {
  /** In the order of the document, which is the client's. */
  readonly servers: readonly AdvertisedServer[];
  /** Whether the client sets up every server, as Outlook does, and not only one of each direction. */
  readonly usesAll: boolean;
  /** Kinds of accounts that are neither IMAP nor POP3, such as `exchange` or `EXCH`. */
  readonly otherAccounts: readonly string[];
  readonly skipped: readonly SkippedServer[];
  /** Values for which no source says what the client does. */
  readonly unspecified: readonly SkippedEntry[];
}

/** Why a client takes a document but cannot use it. */
export type Refusal =
  /** The web server sends it with another Content-Type than one of XML. */
  | { readonly kind: 'content-type'; readonly contentType: string }
  /** It is XML, but not such a document. */
  | { readonly kind: 'other-document' }
  /** A required value is missing or not valid. */
  | { readonly kind: 'invalid'; readonly what: string; readonly value: string }
  | { readonly kind: 'no-incoming' }
  | { readonly kind: 'no-outgoing' };

/** The result of a client's request to one place. */
export type LookupResult =
  | { readonly kind: 'servers'; readonly settings: AdvertisedSettings }
  /** An answer that the client takes as the settings, and cannot use: it does not look at the other places of the step. */
  | {
      readonly kind: 'refused';
      readonly why: Refusal;
      readonly skipped: readonly SkippedEntry[];
    }
  /** An HTTP status that is not a success, such as 404. */
  | { readonly kind: 'nothing'; readonly status: number }
  /** An answer that is not well-formed XML, or not such a document: the client looks at the next place. */
  | { readonly kind: 'not-understood' }
  /** The answer of an autodiscover server that has no settings for the address. */
  | { readonly kind: 'error'; readonly message: string }
  /** No DNS record. */
  | { readonly kind: 'no-record' }
  /** An answer that counts only if it redirects. */
  | { readonly kind: 'no-redirect'; readonly status: number }
  /**
   * The app makes no request: to `others`, who have to do with neither the domain nor its mail; or because the
   * answer of another place counts before this one (`settled`).
   */
  | { readonly kind: 'not-asked'; readonly why: 'others' | 'settled' }
  /** To a URL or an e-mail address elsewhere. The client goes there. */
  | { readonly kind: 'leads-elsewhere'; readonly to: string }
  | { readonly kind: 'unreachable'; readonly why: 'no-address' | 'no-answer' | 'certificate' };

/** One request that a client makes. */
export interface Asked {
  readonly method: 'GET' | 'POST' | 'SRV';
  /** A URL, or the name of a DNS record. */
  readonly url: string;
}

/** One place where a client looks, and the result. */
export interface Lookup {
  /**
   * The client looks at the places of a step concurrently and takes the first answer in their order. Where it
   * cannot use that answer, it goes on with the next step.
   */
  readonly step: string;
  /** The requests in their order: the place, and where it leads to. */
  readonly asked: readonly [Asked, ...Asked[]];
  readonly found: LookupResult;
}

/** The places where one kind of client looks, in its order. */
export interface Search {
  readonly client: 'thunderbird' | 'outlook';
  readonly lookups: readonly Lookup[];
}

/** What a client does after its search. */
export type Outcome =
  | { readonly kind: 'settings'; readonly from: Lookup; readonly settings: AdvertisedSettings }
  /** It guesses the servers and the login. */
  | { readonly kind: 'guesses' }
  /** It goes where this app does not: nothing is known of what it finds there. */
  | { readonly kind: 'elsewhere'; readonly from: Lookup };

export interface SrvRecord {
  readonly name: string;
  readonly server: AdvertisedServer;
}

/** The DNS records of a domain by which clients and other servers find its mail servers. */
export interface DomainRecords {
  readonly srv: readonly SrvRecord[];
  /** Hosts that receive mail for the domain, the preferred one first. */
  readonly mx: readonly string[];
}

/** Everything that automatic setup of mail clients finds for one address. */
export interface Discovery extends DomainRecords {
  readonly searches: readonly Search[];
}

/** What is wrong with an advertised server. */
export type Fault =
  /** The domain of the mailbox has no mail: Virtualmin's feature is off. */
  | { readonly kind: 'mail-off' }
  | { readonly kind: 'login'; readonly advertised: string }
  | { readonly kind: 'not-prescribed' }
  | { readonly kind: 'not-encrypted' }
  | { readonly kind: 'broken' }
  | { readonly kind: Flaw };

/** What is wrong with a document as a whole. */
export type SettingsFault =
  | { readonly kind: 'no-incoming' }
  | { readonly kind: 'no-outgoing' }
  /** The client receives by POP3, and the settings recommend IMAP. */
  | { readonly kind: 'pop3-first' }
  /** The client receives the same mail by IMAP and POP3. */
  | { readonly kind: 'imap-and-pop3' }
  | { readonly kind: 'other-account'; readonly types: readonly string[] }
  | ({ readonly kind: 'skipped' } & SkippedEntry)
  | ({ readonly kind: 'unspecified' } & SkippedEntry);

/** What a client does after its search. */
export function outcomeOf({ lookups }: Search): Outcome {
  const ended = new Set<string>();
  for (const lookup of lookups) {
    if (ended.has(lookup.step)) continue;
    const { found } = lookup;
    if (found.kind === 'servers') {
      return { kind: 'settings', from: lookup, settings: found.settings };
    }
    if (found.kind === 'leads-elsewhere') return { kind: 'elsewhere', from: lookup };
    if (found.kind === 'refused') ended.add(lookup.step);
  }
  return { kind: 'guesses' };
}

/**
 * Whether a client that guesses can arrive at the login of a mailbox. Thunderbird tries the part before the @
 * and then the address (#findConfig() in email.mjs, tryNextLogon() in ConfigVerifier.sys.mjs, version 153);
 * for others it is the address.
 */
export function guessesLogin(
  { client }: Search,
  { emailAddress, login }: Pick<ClientSettings, 'emailAddress' | 'login'>,
): boolean {
  const local = emailAddress.slice(0, emailAddress.lastIndexOf('@'));
  return login === emailAddress || (client === 'thunderbird' && login === local);
}

/** What is wrong with a document as a whole for this mailbox. */
export function settingsFaultsOf(
  advertised: AdvertisedSettings,
  settings: Pick<ClientSettings, 'incoming'>,
): SettingsFault[] {
  const { servers, usesAll, otherAccounts, skipped, unspecified } = advertised;
  const unneeded = unneededIn(advertised, settings);
  const incoming = servers.filter(({ protocol }) => protocol !== 'submission');
  const faults: (SettingsFault | false)[] = [
    incoming.length === 0 && { kind: 'no-incoming' },
    incoming.length === servers.length && { kind: 'no-outgoing' },
    incoming[0]?.protocol === 'pop3' &&
      settings.incoming[0]?.protocol === 'imap' && { kind: 'pop3-first' },
    usesAll &&
      new Set(incoming.map(({ protocol }) => protocol)).size > 1 && { kind: 'imap-and-pop3' },
    otherAccounts.length > 0 && { kind: 'other-account', types: otherAccounts },
    ...skipped
      .filter((entry) => !unneeded.includes(entry))
      .map(({ what, value }) => ({ kind: 'skipped', what, value }) as const),
    ...unspecified.map((entry) => ({ kind: 'unspecified', ...entry }) as const),
  ];
  return faults.filter((fault) => fault !== false);
}

/**
 * The servers that a client leaves out without harm: those for POP3, where it receives by IMAP and the settings
 * recommend that. So is the one of Virtualmin's autoconfig.cgi up to 8.1, whose authentication is always empty: the
 * script has no line for it.
 */
export function unneededIn(
  { servers, skipped }: AdvertisedSettings,
  settings: Pick<ClientSettings, 'incoming'>,
): readonly SkippedServer[] {
  const incoming = servers.find(({ protocol }) => protocol !== 'submission');
  const byImap = incoming?.protocol === 'imap' && settings.incoming[0]?.protocol === 'imap';
  return byImap ? skipped.filter(({ protocol }) => protocol === 'pop3') : [];
}

/** What is wrong with an advertised server for this mailbox. */
export function faultsOf(advertised: AdvertisedServer, settings: ClientSettings): Fault[] {
  const faults: Fault[] = [];
  if (settings.warnings.includes('domain-without-mail')) faults.push({ kind: 'mail-off' });
  const login = advertised.login ?? settings.emailAddress;
  if (login !== settings.login) faults.push({ kind: 'login', advertised: login });
  faults.push(...advertised.flaws.map((kind) => ({ kind })));
  if (advertised.security === null) {
    const unclear = advertised.flaws.includes('encryption-unclear');
    return unclear ? faults : [...faults, { kind: 'not-encrypted' }];
  }
  const service = allServices(settings).find(
    ({ protocol, host, port, security }) =>
      protocol === advertised.protocol &&
      host === advertised.host.toLowerCase() &&
      port === advertised.port &&
      security === advertised.security,
  );
  if (service === undefined) return [...faults, { kind: 'not-prescribed' }];
  const checked = observationOf(settings.observations, service);
  if (checked !== null && isBroken(checked.observation.result)) faults.push({ kind: 'broken' });
  return faults;
}
