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

/** A mail server as published in a document for mail clients or in a DNS record. */
export interface AdvertisedServer {
  readonly protocol: Service['protocol'];
  readonly host: string;
  readonly port: number;
  /** Null where the connection is not encrypted. */
  readonly security: Security | null;
  /** The login for the client to use; null where none is given: clients then use the e-mail address. */
  readonly login: string | null;
  /** Whether the client has to use a challenge-response login, which cannot work. */
  readonly challengeResponse: boolean;
}

/** The result of a client's request to one URL. */
export type LookupResult =
  | { readonly kind: 'servers'; readonly servers: readonly AdvertisedServer[] }
  /** An HTTP status other than 200, such as 404. */
  | { readonly kind: 'nothing'; readonly status: number }
  | { readonly kind: 'not-understood' }
  | { readonly kind: 'leads-elsewhere'; readonly to: string }
  | { readonly kind: 'unreachable'; readonly why: 'no-address' | 'no-answer' | 'certificate' };

/** One URL that a client tries, and the result. */
export interface Lookup {
  readonly url: string;
  readonly found: LookupResult;
}

/** The URLs that one kind of client tries, in its order. The client uses the first one that names servers. */
export interface Search {
  readonly client: 'thunderbird' | 'outlook';
  readonly lookups: readonly Lookup[];
}

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
  | { readonly kind: 'challenge-response' }
  | { readonly kind: 'broken' };

/** The servers that a client would use; null where it finds none and has to guess. */
export function advertisedIn({ lookups }: Search): readonly AdvertisedServer[] | null {
  for (const { found } of lookups) if (found.kind === 'servers') return found.servers;
  return null;
}

/** What is wrong with an advertised server for this mailbox. */
export function faultsOf(advertised: AdvertisedServer, settings: ClientSettings): Fault[] {
  const faults: Fault[] = [];
  if (settings.warnings.includes('domain-without-mail')) faults.push({ kind: 'mail-off' });
  const login = advertised.login ?? settings.emailAddress;
  if (login !== settings.login) faults.push({ kind: 'login', advertised: login });
  if (advertised.challengeResponse) faults.push({ kind: 'challenge-response' });
  if (advertised.security === null) return [...faults, { kind: 'not-encrypted' }];
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
