import { byRole, type ClientSettings, type Service } from '../domain/client-settings';
import { loginVerdict, type LoginResult, type LoginVerdict } from '../domain/login-verdict';
import { tryLogin, type LoginOutcome } from './login';
import type { Probes } from './probes';

/** One login: the service, the user name and the outcome. */
export interface LoginAttempt {
  readonly service: Service;
  readonly name: string;
  readonly outcome: LoginOutcome;
}

/**
 * Tests the login of a mailbox for incoming and for outgoing mail with the recommended settings. Where the
 * login is not the e-mail address, also tests the address, to distinguish a wrong user name from a wrong password.
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
  // Not concurrently with the first: a server may delay a second login while it refuses one.
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
