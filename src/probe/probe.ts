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

/** What a look at a port needs beside the port. */
export interface ProbeContext {
  readonly secureContext: SecureContext;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly isOwn: (address: string) => boolean;
  /** The port to connect to instead of one of the policy: a test has no others. */
  readonly portOf: (port: number) => number;
}

/** What one address answered. */
interface Seen {
  readonly result: Result;
  readonly weaknesses: readonly Weakness[];
  readonly certificate: ObservedCertificate | null;
  readonly tlsVersion: string | null;
  readonly mechanisms: readonly string[];
}

const challengeResponse = /^(CRAM-MD5|DIGEST-MD5|NTLM|GSS-SPNEGO|SCRAM-.*)$/;

/** An open conversation, over TLS, with what the server offered before and after. */
export interface Secured {
  readonly connection: LineConnection;
  readonly dialogue: Dialogue;
  readonly before: Offer | null;
  readonly offer: Offer;
}

/**
 * Looks at one port of one host at each of these addresses, at the same time. Resolves whatever the
 * server does, at the latest when `signal` aborts.
 */
export async function probeEndpoint(
  endpoint: Endpoint,
  addresses: readonly string[],
  context: ProbeContext,
  signal: AbortSignal,
): Promise<Observation> {
  const seen = await Promise.all(
    addresses.map(async (address) => ({
      address,
      ...(await look(endpoint, address, context, signal)),
    })),
  );
  // A client uses the address that works.
  const best = seen.find(({ result }) => !isBroken(result)) ?? seen[0];
  const weaknesses = new Set(seen.flatMap((one) => one.weaknesses));
  if (best !== undefined && !isBroken(best.result) && seen.some(({ result }) => isBroken(result))) {
    weaknesses.add('one-family-fails');
  }
  return {
    endpoint,
    result: best?.result ?? { kind: 'unresolved' },
    weaknesses: [...weaknesses],
    certificate: best?.certificate ?? null,
    tlsVersion: best?.tlsVersion ?? null,
    mechanisms: best?.mechanisms ?? [],
    addresses: seen.map(({ address, result }) => ({ address, result })),
  };
}

async function look(
  endpoint: Endpoint,
  address: string,
  context: ProbeContext,
  signal: AbortSignal,
): Promise<Seen> {
  const [seen, injection] = await Promise.all([
    lookOnce(endpoint, address, context, signal),
    takesInjection(endpoint, address, context, signal),
  ]);
  return injection ? { ...seen, weaknesses: [...seen.weaknesses, 'injection'] } : seen;
}

async function lookOnce(
  endpoint: Endpoint,
  address: string,
  context: ProbeContext,
  signal: AbortSignal,
): Promise<Seen> {
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
      certificate: certificateSeen(certificate),
      tlsVersion,
      mechanisms: offer.mechanisms,
    };
  } catch (error) {
    return { ...nothing, result: resultOf(error) };
  } finally {
    (connection as LineConnection | null)?.close();
  }
}

/** A STARTTLS that the server does not have. */
class NoStartTls extends Error {}

/**
 * Connects and goes over to TLS, by STARTTLS or at once. `opened` gets the connection as soon as there is
 * one, and has to close it.
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
 * Whether a password could be sent in the clear. Dovecot takes a connection from the server's own address
 * for a secure one (`disable_plaintext_auth`), so of IMAP and POP3 nothing can be said from there.
 */
function canLogInClear(
  { protocol }: Endpoint,
  address: string,
  before: Offer,
  { isOwn }: ProbeContext,
): boolean {
  return before.password && (protocol === 'submission' || !isOwn(address));
}

/** Whether the server carries out, after STARTTLS, what came in the clear with it. A connection of its own: many servers end one like that. */
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

/** Whether a server on port 25 offers to log in, before or after STARTTLS; null where it could not be asked. */
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

/** What an error of a conversation says of the port. */
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

/** Why a client would not take a certificate: what mends most comes first. */
export function certificateProblem(
  host: string,
  certificate: PeerCertificate,
  authorizationError: Error | string | null | undefined,
  now: number,
): Result | null {
  const seen = certificateSeen(certificate);
  if (seen === null) return { kind: 'differs', how: 'tls-fails' };
  if (seen.until < now) return { kind: 'certificate-expired', until: seen.until };
  if (!isGoodFor(host, certificate)) {
    return { kind: 'certificate-name', names: seen.names };
  }
  if (authorizationError === null || authorizationError === undefined) return null;
  const { code } = authorizationError as { code?: unknown };
  const reason = typeof code === 'string' ? code : String(authorizationError);
  return { kind: 'certificate-untrusted', reason };
}

/** Node.js throws at names that are not well-formed: they are good for nobody. */
function isGoodFor(host: string, certificate: PeerCertificate): boolean {
  try {
    return checkServerIdentity(host, certificate) === undefined;
  } catch {
    return false;
  }
}

/** Names that a certificate may have: what a server says can be anything. */
const mostNames = 20;

function certificateSeen(certificate: PeerCertificate): ObservedCertificate | null {
  const until = Date.parse(certificate.valid_to);
  if (Number.isNaN(until)) return null;
  const alternative = (certificate.subjectaltname ?? '')
    .split(', ')
    .flatMap((one) => (one.startsWith('DNS:') ? one.slice('DNS:'.length) : []));
  const names = alternative.length > 0 ? alternative : [String(certificate.subject.CN)];
  const issuer = certificate.issuer.O ?? certificate.issuer.CN;
  return {
    names: names.map(printable).slice(0, mostNames),
    until,
    issuer: printable(String(issuer)),
  };
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '\uFFFD').slice(0, 253);
}
