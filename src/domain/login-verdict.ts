/** How one way to log in went: accepted, refused, or it did not come to that. */
export type LoginResult = 'accepted' | 'refused' | 'unknown';

/** What a trial of a mailbox's credentials shows, as far as that can be told. */
export type LoginVerdict =
  | 'works'
  /** The login is right, and the e-mail address in its place is refused. */
  | 'works-and-address-does-not'
  | 'address-instead-of-login'
  | 'password-wrong'
  /** The same password is taken for incoming mail and not for sending. */
  | 'sending-refuses'
  | 'receiving-refuses'
  | 'server';

/** `address` is the e-mail address in place of the login, for incoming mail; null where it is the login. */
export function loginVerdict(tried: {
  readonly incoming: LoginResult;
  readonly outgoing: LoginResult;
  readonly address: LoginResult | null;
}): LoginVerdict {
  const { incoming, outgoing, address } = tried;
  // Sending may get no answer then: Dovecot delays a refusal that follows others, for longer than Postfix waits.
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
