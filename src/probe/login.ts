import type { Endpoint, Result } from '../domain/observation';
import { plain, RefusedError } from './dialogue';
import { tlsProblem, converse, maxWords, passwordProblem, resultOf, secured } from './probe';
import type { Probes } from './probes';

/** The outcome of a login. */
export type LoginOutcome =
  | { readonly kind: 'accepted' }
  /** `words` is the server's message. */
  | { readonly kind: 'refused'; readonly words: string }
  /** The server has a temporary problem; `words` is its message. */
  | { readonly kind: 'server-trouble'; readonly words: string }
  /** The login got no proper answer; whether the password was sent is not known. */
  | { readonly kind: 'not-reached'; readonly result: Result };

/**
 * Milliseconds for one login. After wrong passwords from an address, Dovecot delays each login from there by up to 15 s,
 * the right ones too (auth-penalty.h), and a refusal by 2 s (auth_failure_delay) and those of PAM more.
 */
const timeout = 25_000;

/**
 * Logs in with the settings of mail clients, and out again: nothing is read, sent or changed. The password
 * is sent only over TLS to a server whose certificate is valid for its host, and is not stored.
 */
export async function tryLogin(
  endpoint: Endpoint,
  login: string,
  password: string,
  probes: Probes,
): Promise<LoginOutcome> {
  const { address, context } = await probes.reach(endpoint.host);
  if (address === null) return { kind: 'not-reached', result: { kind: 'unresolved' } };
  const signal = AbortSignal.timeout(timeout);
  try {
    return await converse(endpoint, address, context, signal, async (conversation) => {
      const { dialogue, offer, tls } = await secured(conversation, endpoint, context);
      const problem = tlsProblem(endpoint.host, tls, context.now()) ?? passwordProblem(offer);
      if (problem !== null) return { kind: 'not-reached', result: problem };
      try {
        await dialogue.logIn(login, password, offer);
        return { kind: 'accepted' };
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error;
        const words = wordsOf(error.words, login, password);
        return { kind: error.temporary ? 'server-trouble' : 'refused', words };
      }
    });
  } catch (error) {
    return { kind: 'not-reached', result: resultOf(error) };
  }
}

/** The server's message; '' where it repeats the password, which must not be shown. */
export function wordsOf(words: string, login: string, password: string): string {
  const secrets = [password, Buffer.from(password).toString('base64'), plain(login, password)];
  if (secrets.some((secret) => secret !== '' && words.includes(secret))) return '';
  return words.slice(0, maxWords);
}
