import { checkServerIdentity, type PeerCertificate, type SecureContext } from 'node:tls';
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

/** An open TLS connection, with the server's offers before (STARTTLS only) and after. */
export interface Secured {
  readonly connection: LineConnection;
  readonly dialogue: Dialogue;
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
  const [checked, injection] = await Promise.all([
    checkConnection(endpoint, address, context, signal),
    takesInjection(endpoint, address, context, signal),
  ]);
  return injection ? { ...checked, weaknesses: [...checked.weaknesses, 'injection'] } : checked;
}

async function checkConnection(
  endpoint: Endpoint,
  address: string,
  context: ProbeContext,
  signal: AbortSignal,
): Promise<AddressCheck> {
  const nothing = { weaknesses: [], certificate: null, tlsVersion: null, mechanisms: [] };
  let connection: LineConnection | null = null;
  try {
    const secured = await openSecured(endpoint, address, context, signal, (opened) => {
      connection = opened;
    });
    const { before, offer, dialogue } = secured;
    const { tls } = secured.connection;
    if (tls === null) throw new ConversationError('tls-fails');
    const certificate = tls.getPeerCertificate();
    const tlsVersion = tls.getProtocol();
    const weaknesses: Weakness[] = [];
    if (before !== null && canLogInClear(endpoint, address, before, context)) {
      weaknesses.push('login-before-tls');
    }
    if (offer.mechanisms.some((one) => challengeResponse.test(one))) {
      weaknesses.push('challenge-response');
    }
    dialogue.leave();
    const problem =
      certificateProblem(endpoint.host, certificate, tls.authorizationError, context.now()) ??
      (offer.password ? null : ({ kind: 'differs', how: 'no-password-login' } as const));
    return {
      result: problem ?? { kind: 'proven' },
      weaknesses,
      certificate: observedCertificate(certificate),
      tlsVersion,
      mechanisms: offer.mechanisms,
    };
  } catch (error) {
    return { ...nothing, result: resultOf(error) };
  } finally {
    (connection as LineConnection | null)?.close();
  }
}

/** The server does not offer STARTTLS. */
class NoStartTls extends Error {}

/**
 * Connects and starts TLS, by STARTTLS or implicitly. `opened` receives the connection as soon as it
 * exists; the caller has to close it.
 */
export async function openSecured(
  { protocol, host, port, security }: Endpoint,
  address: string,
  { secureContext, portOf }: ProbeContext,
  signal: AbortSignal,
  opened: (connection: LineConnection) => void,
): Promise<Secured> {
  const connection = await LineConnection.open({ address, port: portOf(port) }, signal);
  opened(connection);
  const dialogue = dialogueOf(protocol, connection);
  let before: Offer | null = null;
  if (security === 'starttls') {
    await dialogue.greet();
    before = await dialogue.offer();
    if (!before.starttls) throw new NoStartTls();
    await dialogue.startTls();
    await connection.secure(host, secureContext);
  } else {
    await connection.secure(host, secureContext);
    await dialogue.greet();
  }
  return { connection, dialogue, before, offer: await dialogue.offer() };
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
 * Whether the server carries out a command after STARTTLS that was sent in the clear with it. Uses a
 * separate connection, because many servers close it.
 */
async function takesInjection(
  { protocol, host, port, security }: Endpoint,
  address: string,
  { secureContext, portOf }: ProbeContext,
  signal: AbortSignal,
): Promise<boolean> {
  if (security !== 'starttls') return false;
  let connection: LineConnection | null = null;
  try {
    connection = await LineConnection.open({ address, port: portOf(port) }, signal);
    const dialogue = dialogueOf(protocol, connection);
    await dialogue.greet();
    if (!(await dialogue.offer()).starttls) return false;
    await dialogue.startTls(injected);
    await connection.secure(host, secureContext);
    return await dialogue.answersInjected();
  } catch {
    return false;
  } finally {
    connection?.close();
  }
}

/** Whether a server offers login on port 25, before or after STARTTLS; null where it could not be checked. */
export async function offersLoginOnPort25(
  host: string,
  address: string,
  { secureContext, portOf }: ProbeContext,
  signal: AbortSignal,
): Promise<boolean | null> {
  let connection: LineConnection | null = null;
  try {
    connection = await LineConnection.open({ address, port: portOf(25) }, signal);
    const dialogue = dialogueOf('submission', connection);
    await dialogue.greet();
    const before = await dialogue.offer();
    if (before.mechanisms.length > 0 || !before.starttls) return before.mechanisms.length > 0;
    await dialogue.startTls();
    await connection.secure(host, secureContext);
    return (await dialogue.offer()).mechanisms.length > 0;
  } catch {
    return null;
  } finally {
    connection?.close();
  }
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
  const alternative = (certificate.subjectaltname ?? '')
    .split(', ')
    .flatMap((one) => (one.startsWith('DNS:') ? one.slice('DNS:'.length) : []));
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
