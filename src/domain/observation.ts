import type { Security } from './policy';

/** A way to reach a mail server, without the part it plays. */
export interface Endpoint {
  readonly protocol: 'imap' | 'pop3' | 'submission';
  readonly host: string;
  readonly port: number;
  readonly security: Security;
}

/** How a server that answers is not what a mail client needs. */
export type Difference =
  | 'starttls-not-offered'
  | 'starttls-refused'
  | 'tls-fails'
  | 'no-password-login'
  | 'other-protocol'
  | 'closes-connection'
  | 'answers-too-much';

/** What a port answered when it was asked. */
export type Result =
  /** Reached, over TLS, with a certificate that is good for the host, and a normal password is taken. */
  | { readonly kind: 'proven' }
  | { readonly kind: 'differs'; readonly how: Difference }
  | { readonly kind: 'refused' }
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'unresolved' }
  /** Good for these names, and not for the host. */
  | { readonly kind: 'certificate-name'; readonly names: readonly string[] }
  /** Milliseconds since 1970. */
  | { readonly kind: 'certificate-expired'; readonly until: number }
  | { readonly kind: 'certificate-untrusted'; readonly reason: string }
  /** Its name leads to an address that must not be connected to. */
  | { readonly kind: 'not-checked' };

/** What works, and should not be so. */
export type Weakness =
  /** A password could be sent in the clear. */
  | 'login-before-tls'
  /** What was sent before TLS is carried out after it (CVE-2011-0411). */
  | 'injection'
  /** Challenge-response mechanisms are offered, which fail where passwords are kept as hashes. */
  | 'challenge-response'
  /** One of IPv4 and IPv6 does not work, so that clients wait or fail. */
  | 'one-family-fails';

export interface ObservedCertificate {
  readonly names: readonly string[];
  /** Milliseconds since 1970. */
  readonly until: number;
  readonly issuer: string;
}

/** One look at one port. */
export interface Observation {
  readonly endpoint: Endpoint;
  readonly result: Result;
  readonly weaknesses: readonly Weakness[];
  readonly certificate: ObservedCertificate | null;
  /** As TLS names it, such as `TLSv1.3`; null where it did not come to that. */
  readonly tlsVersion: string | null;
  /** Mechanisms for logging in that were offered after TLS. */
  readonly mechanisms: readonly string[];
  /** What each address answered, by kind of address. */
  readonly addresses: readonly { readonly address: string; readonly result: Result }[];
}

/** Everything seen of one host. */
export interface HostObservations {
  readonly host: string;
  /** Milliseconds since 1970, when the last port had answered. */
  readonly asOf: number;
  readonly services: readonly Observation[];
  /** Whether port 25 lets clients log in, which it is not for; null where it could not be asked. */
  readonly loginOnPort25: boolean | null;
}

/** What has been seen of the hosts of a domain; empty where nothing was checked. */
export type Observations = readonly HostObservations[];

/** What was seen of an endpoint, and when; null where it was not looked at. */
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

/** Whether an answer shows that a client could not use the port. What was not checked is not broken. */
export function isBroken({ kind }: Result): boolean {
  return kind !== 'proven' && kind !== 'not-checked';
}

/**
 * The server's own name, where every certificate that was seen is good for that and not for the host it
 * was shown for; null otherwise, or where the server has no such name.
 */
export function hostOfCertificate(
  observations: Observations,
  ownHost: string | null,
): string | null {
  if (ownHost === null) return null;
  const own = ownHost.toLowerCase();
  const results = observations.flatMap(({ services }) => services.map(({ result }) => result));
  const named = results.filter(
    (result) =>
      result.kind === 'certificate-name' && result.names.some((name) => name.toLowerCase() === own),
  );
  const otherwise = results.some(
    (result) =>
      result.kind === 'proven' || (result.kind === 'certificate-name' && !named.includes(result)),
  );
  return named.length > 0 && !otherwise ? own : null;
}
