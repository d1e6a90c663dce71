import type { ClientSettings, Service } from './client-settings';
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

/** Each kind of SRV record, with what it names. */
export const srvKinds = (['imap', 'pop3', 'submission'] as const).flatMap((protocol) =>
  securities.map((security) => ({ label: srvLabels[protocol][security], protocol, security })),
);

/** A server as a document for mail clients, or a DNS record, names it. */
export interface AdvertisedServer {
  readonly protocol: Service['protocol'];
  readonly host: string;
  readonly port: number;
  /** Null where it is not encrypted. */
  readonly security: Security | null;
  /** What the client would log in with; null where it is not said, and clients take the e-mail address. */
  readonly login: string | null;
  /** Whether a challenge-response login is asked for, which cannot work. */
  readonly challengeResponse: boolean;
}

/** What a client finds in one place. */
export type LookupResult =
  | { readonly kind: 'servers'; readonly servers: readonly AdvertisedServer[] }
  /** An answer that is none, such as a 404. */
  | { readonly kind: 'nothing'; readonly status: number }
  | { readonly kind: 'not-understood' }
  | { readonly kind: 'leads-elsewhere'; readonly to: string }
  | { readonly kind: 'unreachable'; readonly why: 'no-address' | 'no-answer' | 'certificate' };

/** One place where a client looks. */
export interface LookupPlace {
  readonly url: string;
  readonly found: LookupResult;
}

/** What one kind of client looks at, in its order: the first place that names servers counts. */
export interface Search {
  readonly client: 'thunderbird' | 'outlook';
  readonly places: readonly LookupPlace[];
}

export interface SrvRecord {
  readonly name: string;
  readonly server: AdvertisedServer;
}

/** The records of a domain that lead clients and other servers to its mail servers. */
export interface DomainRecords {
  readonly srv: readonly SrvRecord[];
  /** Hosts that take mail for the domain, the preferred first. */
  readonly mx: readonly string[];
}

/** Everything that clients find by themselves for one address. */
export interface Discovery extends DomainRecords {
  readonly searches: readonly Search[];
}

/** What is wrong with a server that clients are told. */
export type Fault =
  | { readonly kind: 'login'; readonly told: string }
  | { readonly kind: 'not-prescribed' }
  | { readonly kind: 'not-encrypted' }
  | { readonly kind: 'challenge-response' }
  | { readonly kind: 'broken' };

/** The servers that a client would set itself up with; null where it finds none and has to guess. */
export function advertisedIn({ places }: Search): readonly AdvertisedServer[] | null {
  for (const { found } of places) if (found.kind === 'servers') return found.servers;
  return null;
}

/** What is wrong with a server that a client is told, for this mailbox. */
export function faultsOf(told: AdvertisedServer, settings: ClientSettings): Fault[] {
  const faults: Fault[] = [];
  const login = told.login ?? settings.emailAddress;
  if (login !== settings.login) faults.push({ kind: 'login', told: login });
  if (told.challengeResponse) faults.push({ kind: 'challenge-response' });
  if (told.security === null) return [...faults, { kind: 'not-encrypted' }];
  const service = [...settings.incoming, ...settings.outgoing].find(
    ({ protocol, host, port, security }) =>
      protocol === told.protocol &&
      host === told.host.toLowerCase() &&
      port === told.port &&
      security === told.security,
  );
  if (service === undefined) return [...faults, { kind: 'not-prescribed' }];
  const seen = observationOf(settings.observations, service);
  if (seen !== null && isBroken(seen.observation.result)) faults.push({ kind: 'broken' });
  return faults;
}
