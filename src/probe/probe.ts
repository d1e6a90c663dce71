import {
  checkServerIdentity,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import type {
  ObservedCertificate,
  Endpoint,
  Observation,
  Result,
  Weakness,
} from '../domain/observation';
import { isBroken } from '../domain/observation';
import {
  dialogueOf,
  injected,
  OtherProtocolError,
  RefusedError,
  type Dialogue,
  type Offer,
} from './dialogue';
import { ConversationError, LineConnection } from './line-connection';

/** What the check of a port needs beside the endpoint. */
export interface ProbeContext {
  readonly secureContext: SecureContext;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly isOwn: (address: string) => boolean;
  /** Replaces the policy's port by the one to connect to. For tests. */
  readonly portOf: (port: number) => number;
}

/** The check of one IP address. */
interface AddressCheck {
  readonly result: Result;
  readonly weaknesses: readonly Weakness[];
  readonly certificate: ObservedCertificate | null;
  readonly tlsVersion: string | null;
  readonly mechanisms: readonly string[];
}

const challengeResponse = /^(CRAM-MD5|DIGEST-MD5|NTLM|GSS-SPNEGO|SCRAM-.*)$/;

/** An open connection, and the commands of its protocol. */
export interface Conversation {
  readonly connection: LineConnection;
  readonly dialogue: Dialogue;
}

/** A connection with TLS, and the server's offers before (STARTTLS only) and after. */
export interface Secured {
  readonly dialogue: Dialogue;
  readonly tls: TLSSocket;
  readonly before: Offer | null;
  readonly offer: Offer;
}

/**
 * Checks one port of one host on each of these addresses concurrently. Always resolves, at the latest
 * when `signal` aborts.
 */
export async function probeEndpoint(
  endpoint: Endpoint,
  addresses: readonly string[],
  context: ProbeContext,
  signal: AbortSignal,
): Promise<Observation> {
  const checks = await Promise.all(
    addresses.map(async (address) => ({
      address,
      ...(await checkAddress(endpoint, address, context, signal)),
    })),
  );
  // A client uses the address that works.
  const best = checks.find(({ result }) => !isBroken(result)) ?? checks[0];
  const weaknesses = new Set(checks.flatMap((one) => one.weaknesses));
  if (
    best !== undefined &&
    !isBroken(best.result) &&
    checks.some(({ result }) => isBroken(result))
  ) {
    weaknesses.add('one-family-fails');
  }
  return {
    endpoint,
    result: best?.result ?? { kind: 'unresolved' },
    weaknesses: [...weaknesses],
    certificate: best?.certificate ?? null,
    tlsVersion: best?.tlsVersion ?? null,
    mechanisms: best?.mechanisms ?? [],
    addresses: checks.map(({ address, result }) => ({ address, result })),
  };
}

async function checkAddress(
  endpoint: Endpoint,
  address: string,
  context: ProbeContext,
  signal: AbortSignal,
): Promise<AddressCheck> {
  try {
    return await converse(endpoint, address, context, signal, async (conversation) => {
      const { before, offer, tls } = await secured(conversation, endpoint, context);
      const weaknesses: Weakness[] = [];
      if (before !== null && canLogInClear(endpoint, address, before, context)) {
        weaknesses.push('login-before-tls');
      }
      if (offer.mechanisms.some((one) => challengeResponse.test(one))) {
        weaknesses.push('challenge-response');
      }
      const certificate = tls.getPeerCertificate();
      const problem =
        certificateProblem(endpoint.host, certificate, tls.authorizationError, context.now()) ??
        (offer.password ? null : ({ kind: 'differs', how: 'no-password-login' } as const));
      return {
        result: problem ?? { kind: 'proven' },
        weaknesses,
        certificate: observedCertificate(certificate),
        tlsVersion: tls.getProtocol(),
        mechanisms: offer.mechanisms,
      };
    });
  } catch (error) {
    const nothing = { weaknesses: [], certificate: null, tlsVersion: null, mechanisms: [] };
    return { ...nothing, result: resultOf(error) };
  }
}

/** The server does not offer STARTTLS. */
class NoStartTls extends Error {}

/** Connects to a port, calls `talk`, and ends the session as its protocol says. */
export async function converse<T>(
  { protocol, port }: Pick<Endpoint, 'protocol' | 'port'>,
  address: string,
  { portOf }: ProbeContext,
  signal: AbortSignal,
  talk: (conversation: Conversation) => Promise<T>,
): Promise<T> {
  const connection = await LineConnection.open({ address, port: portOf(port) }, signal);
  const dialogue = dialogueOf(protocol, connection);
  try {
    return await talk({ connection, dialogue });
  } catch (error) {
    if (error instanceof OtherProtocolError) connection.close();
    throw error;
  } finally {
    connection.leave(dialogue.goodbye());
  }
}

/** Starts TLS on a new connection, by STARTTLS or implicitly. */
export async function secured(
  { connection, dialogue }: Conversation,
  { host, security }: Endpoint,
  { secureContext }: ProbeContext,
): Promise<Secured> {
  let before: Offer | null = null;
  if (security === 'starttls') {
    await dialogue.greet();
    before = await dialogue.offer();
    if (!before.starttls) throw new NoStartTls();
    await dialogue.startTls();
  }
  const tls = await connection.secure(host, secureContext);
  if (security === 'implicit-tls') await dialogue.greet();
  return { dialogue, tls, before, offer: await dialogue.offer() };
}

/**
 * Whether a client could send a password in the clear. Dovecot treats connections from the server's own
 * address as secure (`disable_plaintext_auth`), so this cannot be checked there for IMAP and POP3.
 */
function canLogInClear(
  { protocol }: Endpoint,
  address: string,
  before: Offer,
  { isOwn }: ProbeContext,
): boolean {
  return before.password && (protocol === 'submission' || !isOwn(address));
}

/**
 * Whether the server carries out a command after STARTTLS that was sent in the clear with it; null where it
 * could not be tested. Uses a connection of its own, because many servers close it.
 */
export async function takesInjection(
  endpoint: Endpoint,
  address: string,
  context: ProbeContext,
  signal: AbortSignal,
): Promise<boolean | null> {
  return converse(endpoint, address, context, signal, async ({ connection, dialogue }) => {
    await dialogue.greet();
    if (!(await dialogue.offer()).starttls) return null;
    await dialogue.startTls(injected);
    await connection.secure(endpoint.host, context.secureContext);
    return dialogue.answersInjected();
  }).catch((error: unknown) =>
    // The server took the command for the start of TLS: it read no further in the clear.
    error instanceof ConversationError && error.reason === 'tls-fails' ? false : null,
  );
}

/** Whether a server offers login on port 25, before or after STARTTLS; null where it could not be checked. */
export async function offersLoginOnPort25(
  host: string,
  address: string,
  context: ProbeContext,
  signal: AbortSignal,
): Promise<boolean | null> {
  const port25 = { protocol: 'submission', port: 25 } as const;
  return converse(port25, address, context, signal, async ({ connection, dialogue }) => {
    await dialogue.greet();
    const before = await dialogue.offer();
    if (before.mechanisms.length > 0 || !before.starttls) return before.mechanisms.length > 0;
    await dialogue.startTls();
    await connection.secure(host, context.secureContext);
    return (await dialogue.offer()).mechanisms.length > 0;
  }).catch(() => null);
}

/** The result for an error of a connection. Throws errors of other kinds again. */
export function resultOf(error: unknown): Result {
  if (error instanceof NoStartTls) return { kind: 'differs', how: 'starttls-not-offered' };
  if (error instanceof RefusedError) return { kind: 'differs', how: 'starttls-refused' };
  if (error instanceof OtherProtocolError) return { kind: 'differs', how: 'other-protocol' };
  if (!(error instanceof ConversationError)) throw error;
  switch (error.reason) {
    case 'refused':
      return { kind: 'refused' };
    case 'timed-out':
      return { kind: 'timed-out' };
    case 'closed':
      return { kind: 'differs', how: 'closes-connection' };
    case 'too-much':
      return { kind: 'differs', how: 'answers-too-much' };
    case 'tls-fails':
      return { kind: 'differs', how: 'tls-fails' };
  }
}

/** Why clients reject a certificate; null where they do not. Checks the most frequent cause first. */
export function certificateProblem(
  host: string,
  certificate: PeerCertificate,
  authorizationError: Error | string | null | undefined,
  now: number,
): Result | null {
  const observed = observedCertificate(certificate);
  if (observed === null) return { kind: 'differs', how: 'tls-fails' };
  if (observed.until < now) return { kind: 'certificate-expired', until: observed.until };
  // Clients ignore the common name (RFC 9525, section 2), and Node.js does not.
  if (alternativeNames(certificate).length === 0) {
    return { kind: 'certificate-untrusted', reason: 'NO_SUBJECT_ALTERNATIVE_NAME' };
  }
  if (!isGoodFor(host, certificate)) {
    return { kind: 'certificate-name', names: observed.names };
  }
  if (authorizationError === null || authorizationError === undefined) return null;
  const { code } = authorizationError as { code?: unknown };
  const reason = typeof code === 'string' ? code : String(authorizationError);
  return { kind: 'certificate-untrusted', reason };
}

/** Node.js throws for names that are not well-formed: such a certificate is not valid for any host. */
function isGoodFor(host: string, certificate: PeerCertificate): boolean {
  try {
    return checkServerIdentity(host, certificate) === undefined;
  } catch {
    return false;
  }
}

/** Limit for the names taken from a certificate, which may contain any number. */
const maxNames = 20;

function observedCertificate(certificate: PeerCertificate): ObservedCertificate | null {
  const until = Date.parse(certificate.valid_to);
  if (Number.isNaN(until)) return null;
  const alternative = alternativeNames(certificate);
  const names = alternative.length > 0 ? alternative : [String(certificate.subject.CN)];
  const issuer = certificate.issuer.O ?? certificate.issuer.CN;
  return {
    names: names.map(printable).slice(0, maxNames),
    until,
    issuer: printable(String(issuer)),
  };
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '\uFFFD').slice(0, 253);
}

/** The host names that a certificate is valid for. */
function alternativeNames({ subjectaltname = '' }: PeerCertificate): string[] {
  return subjectaltname
    .split(', ')
    .flatMap((one) => (one.startsWith('DNS:') ? one.slice('DNS:'.length) : []));
}
