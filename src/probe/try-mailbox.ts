import { byRole, type ClientSettings, type Service } from '../domain/client-settings';
import { loginVerdict, type LoginResult, type LoginVerdict } from '../domain/login-verdict';
import { tryLogin, type LoginOutcome } from './login';
import type { Probes } from './probes';

/** One login: to which service, with which user name, and how it went. */
export interface LoginAttempt {
  readonly service: Service;
  readonly name: string;
  readonly outcome: LoginOutcome;
}

/**
 * Logs in to a mailbox as mail clients are told to, for reading and for sending; and with the e-mail
 * address, where that is not the login, to tell a wrong user name from a wrong password.
 */
export async function tryMailbox(
  settings: ClientSettings,
  password: string,
  probes: Probes,
): Promise<{ readonly verdict: LoginVerdict; readonly attempts: readonly LoginAttempt[] }> {
  const incoming = byRole(settings.incoming).recommended;
  const outgoing = byRole(settings.outgoing).recommended;
  const attempt = async (service: Service, name: string): Promise<LoginAttempt> => ({
    service,
    name,
    outcome: await tryLogin(service, name, password, probes),
  });
  const [reading, sending] = await Promise.all([
    attempt(incoming, settings.login),
    attempt(outgoing, settings.login),
  ]);
  // After the first: a server may hold a second login back while it refuses one.
  const address =
    settings.loginIsEmailAddress || reading.outcome.kind === 'not-reached'
      ? null
      : await attempt(incoming, settings.emailAddress);
  const verdict = loginVerdict({
    incoming: resultOf(reading.outcome),
    outgoing: resultOf(sending.outcome),
    address: address === null ? null : resultOf(address.outcome),
  });
  return { verdict, attempts: [reading, sending, ...(address === null ? [] : [address])] };
}

function resultOf({ kind }: LoginOutcome): LoginResult {
  return kind === 'accepted' || kind === 'refused' ? kind : 'unknown';
}
