/** The result of one login; `unknown` where the server gave no verdict. */
export type LoginResult = 'accepted' | 'refused' | 'unknown';

/** What a test of a mailbox's credentials shows. */
export type LoginVerdict =
  | 'works'
  /** The login is accepted; the e-mail address in its place is refused. */
  | 'works-and-address-does-not'
  | 'address-instead-of-login'
  | 'password-wrong'
  /** The password is accepted for incoming mail and refused for sending. */
  | 'sending-refuses'
  | 'receiving-refuses'
  | 'server';

/** `address` is the result of the e-mail address as user name, for incoming mail; null where it is the login. */
export function loginVerdict(results: {
  readonly incoming: LoginResult;
  readonly outgoing: LoginResult;
  readonly address: LoginResult | null;
}): LoginVerdict {
  const { incoming, outgoing, address } = results;
  // Sending may time out in this case: Dovecot delays repeated refusals for longer than Postfix waits.
  if (incoming === 'refused' && outgoing !== 'accepted' && address === 'accepted') {
    return 'address-instead-of-login';
  }
  if (incoming === 'unknown' || outgoing === 'unknown') return 'server';
  if (incoming === 'accepted' && outgoing === 'accepted') {
    return address === 'refused' ? 'works-and-address-does-not' : 'works';
  }
  if (incoming === 'accepted') return 'sending-refuses';
  if (outgoing === 'accepted') return 'receiving-refuses';
  return 'password-wrong';
}
