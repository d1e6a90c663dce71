import { isIP } from 'node:net';
import {
  checkServerIdentity,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import type {
  Difference,
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
  namesLimit,
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
      const beforeTls =
        before?.password === true &&
        (await isOfferedToOthers(endpoint, address, conversation, context, signal));
      if (beforeTls) weaknesses.push('login-before-tls');
      if (offer.mechanisms.some((one) => challengeResponse.test(one))) {
        weaknesses.push('challenge-response');
      }
      // "Typically used only by SMTP servers to let Outlook clients perform SMTP authentication":
      // https://doc.dovecot.org/2.3/configuration_manual/authentication/authentication_mechanisms/
      if (
        endpoint.protocol === 'submission' &&
        offer.password &&
        !offer.mechanisms.includes('LOGIN')
      ) {
        weaknesses.push('no-login-mechanism');
      }
      const certificate = tls.getPeerCertificate();
      const problem = tlsProblem(endpoint.host, tls, context.now()) ?? passwordProblem(offer);
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

/** A server that answers is unusable. */
class DiffersError extends Error {
  constructor(readonly how: Difference) {
    super(how);
  }
}

/** This machine's loopback address, by the version of IP. */
const loopback: Readonly<Record<number, string>> = { 4: '127.0.0.1', 6: '::1' };

/** Connects to a port, calls `talk`, and ends the session as its protocol says. */
export async function converse<T>(
  { protocol, port }: Pick<Endpoint, 'protocol' | 'port'>,
  address: string,
  context: ProbeContext,
  signal: AbortSignal,
  talk: (conversation: Conversation) => Promise<T>,
): Promise<T> {
  const to = { address, port: context.portOf(port) };
  // From another address than the server's, to be treated like other clients: see isOfferedToOthers.
  const isOwn = protocol !== 'submission' && context.isOwn(address);
  const from = isOwn ? loopback[isIP(address)] : undefined;
  const connection = await LineConnection.open({ ...to, from }, signal).catch((error: unknown) => {
    if (from === undefined || signal.aborted) throw error;
    return LineConnection.open(to, signal);
  });
  return talkOver(connection, protocol, talk);
}

async function talkOver<T>(
  connection: LineConnection,
  protocol: Endpoint['protocol'],
  talk: (conversation: Conversation) => Promise<T>,
): Promise<T> {
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

/**
 * What Cisco's firewalls put in place of STARTTLS, to be able to read along: `XXXXXXXA` in the server's
 * answer, or `XXXXXXXX` in the client's command, which the server then does not understand.
 * https://www.cisco.com/c/en/us/support/docs/security/pix-500-series-security-appliances/113423-asa-esmtp-smtp-inspection.html
 */
const masked = /^X{6,}[A-D]?$/;
const notUnderstood = /^50[02] |^\S+ BAD |X{6,}/i;

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
    if (!before.starttls) {
      const isMasked = before.capabilities.some((one) => masked.test(one));
      throw new DiffersError(isMasked ? 'starttls-stripped' : 'starttls-not-offered');
    }
    await dialogue.startTls().catch((error: unknown) => {
      // Postfix: "454 4.7.0 Error: too many new TLS sessions from …".
      if (!(error instanceof RefusedError) || namesLimit(error.words)) throw error;
      const isMasked = notUnderstood.test(error.words);
      throw new DiffersError(isMasked ? 'starttls-stripped' : 'starttls-refused');
    });
  }
  const tls = await connection.secure(host, secureContext);
  if (security === 'implicit-tls') await dialogue.greet();
  return { dialogue, tls, before, offer: await dialogue.offer() };
}

/**
 * Whether a login that the server offers without TLS is offered to other clients too. Dovecot makes an exception
 * for a client that has the server's address (`disable_plaintext_auth`, `auth_allow_cleartext`).
 */
async function isOfferedToOthers(
  { protocol, port }: Endpoint,
  address: string,
  { connection }: Conversation,
  { portOf }: ProbeContext,
  signal: AbortSignal,
): Promise<boolean> {
  if (connection.from !== address) return true;
  if (protocol !== 'submission') return false;
  // Postfix makes no exception, and submission may be Dovecot's: ask again from another address.
  const own = loopback[isIP(address)];
  const from = address === '127.0.0.1' ? '127.0.0.2' : own;
  if (from === address) return false;
  try {
    const other = await LineConnection.open({ address, port: portOf(port), from }, signal);
    return await talkOver(other, protocol, async ({ dialogue }) => {
      await dialogue.greet();
      return (await dialogue.offer()).password;
    });
  } catch {
    return false;
  }
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
  }).catch((error: unknown) => {
    // A server that refuses what was sent too early, such as Exim: "554 SMTP synchronization error".
    if (error instanceof RefusedError && !error.temporary) return false;
    // The server took the command for the start of TLS: it read no further in the clear.
    return error instanceof ConversationError && error.reason === 'tls-fails' ? false : null;
  });
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

/** Why no password can be sent with TLS; null where one can. */
export function passwordProblem({ password, starttls }: Offer): Result | null {
  if (password) return null;
  // A server that knows of the TLS does not offer it again.
  return { kind: 'differs', how: starttls ? 'tls-ends-before' : 'no-password-login' };
}

/** Limit for the characters of a server's message that are shown. */
export const maxWords = 200;

/** The result for an error of a connection. Throws errors of other kinds again. */
export function resultOf(error: unknown): Result {
  if (error instanceof DiffersError) return { kind: 'differs', how: error.how };
  if (error instanceof RefusedError) {
    const { words, temporary } = error;
    return { kind: 'turned-away', words: words.slice(0, maxWords), temporary };
  }
  if (error instanceof OtherProtocolError) return { kind: 'differs', how: 'other-protocol' };
  if (!(error instanceof ConversationError)) throw error;
  switch (error.reason) {
    case 'refused':
      return { kind: 'refused' };
    case 'timed-out':
      return { kind: 'timed-out' };
    case 'silent':
      return { kind: 'differs', how: 'silent' };
    case 'closed':
      return { kind: 'differs', how: 'closes-connection' };
    case 'too-much':
      return { kind: 'differs', how: 'answers-too-much' };
    case 'tls-fails':
      return { kind: 'differs', how: 'tls-fails' };
  }
}

/** Why clients reject the certificate of a connection; null where they do not. */
export function tlsProblem(host: string, tls: TLSSocket, now: number): Result | null {
  const problem = certificateProblem(host, tls.getPeerCertificate(), tls.authorizationError, now);
  // Newer versions of Node.js refuse a short key themselves, and have no code for that.
  const unspecified = problem?.kind === 'certificate-untrusted' && problem.reason === 'UNSPECIFIED';
  if ((problem !== null && !unspecified) || hasUsualKey(tls)) return problem;
  return { kind: 'certificate-untrusted', reason: 'KEY' };
}

/**
 * Whether all clients take the certificate's key. OpenSSL takes more: Apple's clients need an RSA key of
 * 2,048 bits or more (https://support.apple.com/103769), and NSS, Thunderbird's library, has no Ed25519.
 */
function hasUsualKey(tls: TLSSocket): boolean {
  const key = tls.getPeerX509Certificate()?.publicKey;
  const bits = key?.asymmetricKeyDetails?.modulusLength ?? 0;
  return key?.asymmetricKeyType === 'ec' || (key?.asymmetricKeyType === 'rsa' && bits >= 2048);
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
