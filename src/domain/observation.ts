import type { Security } from './policy';

/** A port of a mail server, with its protocol and security. */
export interface Endpoint {
  readonly protocol: 'imap' | 'pop3' | 'submission';
  readonly host: string;
  readonly port: number;
  readonly security: Security;
}

/** Why a server that answers is unusable for a mail client. */
export type Difference =
  | 'starttls-not-offered'
  /** A firewall between overwrites STARTTLS in the server's answer, or in the client's command. */
  | 'starttls-stripped'
  | 'starttls-refused'
  | 'tls-fails'
  | 'no-password-login'
  /** The server offers no password login, because TLS ends at a proxy in front of it. */
  | 'tls-ends-before'
  | 'other-protocol'
  | 'closes-connection'
  /** The connection is accepted, and then the server does not answer in time. */
  | 'silent'
  | 'answers-too-much';

/** The result of checking one port. */
export type Result =
  /** The connection uses TLS, the certificate is valid for the host, and the server offers password login. */
  | { readonly kind: 'proven' }
  | { readonly kind: 'differs'; readonly how: Difference }
  | { readonly kind: 'refused' }
  /** No connection in time. */
  | { readonly kind: 'timed-out' }
  /** The server refuses the session before TLS or a login, with this message. */
  | { readonly kind: 'turned-away'; readonly words: string; readonly temporary: boolean }
  | { readonly kind: 'unresolved' }
  /** The certificate is valid for these names and not for the host. */
  | { readonly kind: 'certificate-name'; readonly names: readonly string[] }
  /** Milliseconds since 1970. */
  | { readonly kind: 'certificate-expired'; readonly until: number }
  | { readonly kind: 'certificate-untrusted'; readonly reason: string }
  /** The host name resolves to an address to which a connection is not allowed. */
  | { readonly kind: 'not-checked' };

/** A problem of a port that works. */
export type Weakness =
  /** The server offers password login before TLS, so a client could send a password in the clear. */
  | 'login-before-tls'
  /** Commands sent in the clear before TLS are carried out after it (CVE-2011-0411). */
  | 'injection'
  /** The server offers challenge-response mechanisms, which fail where passwords are stored as hashes. */
  | 'challenge-response'
  /** Sending lacks the mechanism LOGIN, which some versions of Outlook need for it. */
  | 'no-login-mechanism'
  /** Only one of IPv4 and IPv6 works, so some clients wait or fail. */
  | 'one-family-fails';

export interface ObservedCertificate {
  readonly names: readonly string[];
  /** Milliseconds since 1970. */
  readonly until: number;
  readonly issuer: string;
}

/** One check of one port. */
export interface Observation {
  readonly endpoint: Endpoint;
  readonly result: Result;
  readonly weaknesses: readonly Weakness[];
  readonly certificate: ObservedCertificate | null;
  /** Such as `TLSv1.3`; null where there was no TLS connection. */
  readonly tlsVersion: string | null;
  /** Login mechanisms (SASL) that the server offers after TLS. */
  readonly mechanisms: readonly string[];
  /** The result for each IP address of the host. */
  readonly addresses: readonly { readonly address: string; readonly result: Result }[];
}

/** The checks of one host. */
export interface HostObservations {
  readonly host: string;
  /** When the last port had been checked, in milliseconds since 1970. */
  readonly asOf: number;
  readonly services: readonly Observation[];
  /** Whether port 25 accepts logins of clients, for which it is not meant; null where it was not checked. */
  readonly loginOnPort25: boolean | null;
}

/** The checks of the hosts of a domain; empty where nothing was checked. */
export type Observations = readonly HostObservations[];

/** The check of an endpoint, and when it was made; null where it was not checked. */
export function observationOf(
  observations: Observations,
  { protocol, host, port, security }: Endpoint,
): { readonly observation: Observation; readonly asOf: number } | null {
  for (const { services, asOf } of observations) {
    const observation = services.find(
      ({ endpoint }) =>
        endpoint.protocol === protocol &&
        endpoint.host === host &&
        endpoint.port === port &&
        endpoint.security === security,
    );
    if (observation !== undefined) return { observation, asOf };
  }
  return null;
}

/** How well clients can use a port, the best first. */
export const conditions = ['usable', 'certificate-not-accepted', 'unusable'] as const;

export type Condition = (typeof conditions)[number];

/**
 * What a result means for clients. A port that was not checked counts as usable, also because the server
 * had no time for the check (a limit on connections is often one for each client). A certificate that is
 * expired, untrusted or for another name is a condition of its own: some clients let the user accept it.
 */
export function conditionOf(result: Result): Condition {
  switch (result.kind) {
    case 'proven':
    case 'not-checked':
      return 'usable';
    case 'certificate-name':
    case 'certificate-expired':
    case 'certificate-untrusted':
      return 'certificate-not-accepted';
    case 'turned-away':
      return result.temporary ? 'usable' : 'unusable';
    case 'differs':
    case 'refused':
    case 'timed-out':
    case 'unresolved':
      return 'unusable';
  }
}

/** Whether a result shows that clients cannot use the port. A port that was not checked is not broken. */
export function isBroken(result: Result): boolean {
  return conditionOf(result) !== 'usable';
}

/**
 * Whether a certificate with these names is valid for the host: one of them is the host's name, or a
 * wildcard that stands for the whole first label of it (RFC 9525, section 6.3).
 */
export function coversHost(names: readonly string[], host: string): boolean {
  const wanted = host.toLowerCase();
  const parent = wanted.slice(wanted.indexOf('.') + 1);
  return names.some((name) => {
    const covered = name.toLowerCase();
    return covered === wanted || (covered === `*.${parent}` && parent.includes('.'));
  });
}

/**
 * The server's own host name, if every certificate that the checks received is valid for it and not for
 * the host that was checked. Null otherwise, or where `ownHost` is null.
 */
export function hostOfCertificate(
  observations: Observations,
  ownHost: string | null,
): string | null {
  if (ownHost === null) return null;
  const own = ownHost.toLowerCase();
  const results = observations.flatMap(({ services }) => services.map(({ result }) => result));
  const named = results.filter(
    (result) => result.kind === 'certificate-name' && coversHost(result.names, own),
  );
  const otherwise = results.some(
    (result) =>
      result.kind === 'proven' || (result.kind === 'certificate-name' && !named.includes(result)),
  );
  return named.length > 0 && !otherwise ? own : null;
}
