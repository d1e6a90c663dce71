/** Every way in which asking Virtualmin can fail. Stable: pages, JSON and logs carry it. */
export type RemoteApiErrorCode =
  | 'unreachable'
  | 'tls-not-verifiable'
  | 'wrong-password'
  | 'locked-out'
  | 'not-allowed'
  | 'no-such-domain'
  | 'command-failed'
  | 'not-understood'
  | 'too-large'
  | 'timed-out';

/**
 * A call to Virtualmin's remote API that gave no answer. The message is for a system administrator
 * and begins with the call: `list-users for example.com: Virtual server does not exist`. It never
 * holds a password, and `cause` is never an HTTP client's error: those carry the credentials.
 */
export class RemoteApiError extends Error {
  override readonly name: string = 'RemoteApiError';

  constructor(
    readonly code: RemoteApiErrorCode,
    /** What was asked: `list-users for example.com`. */
    readonly call: string,
    /** What went wrong, a clause without a full stop. */
    readonly reason: string,
    /** What to do about it: a sentence, or empty. */
    readonly advice = '',
  ) {
    super(`${call}: ${reason}${advice === '' ? '' : `. ${advice}`}`);
  }
}

/** The server's certificate is not one that the configuration trusts. */
export class TlsNotVerifiableError extends RemoteApiError {
  override readonly name = 'TlsNotVerifiableError';

  constructor(
    call: string,
    reason: string,
    /** SHA-256 of the certificate that the server showed, in hex with colons. */
    readonly fingerprint: string,
  ) {
    super(
      'tls-not-verifiable',
      call,
      `${reason}. Nothing was sent to it. Its certificate's SHA-256 fingerprint is ${fingerprint}`,
      'On the server, "openssl x509 -noout -fingerprint -sha256 -in /etc/webmin/miniserv.pem" prints the true one; ' +
        'where the two are the same, set VIRTUALMIN_FINGERPRINT to it. A certificate of an authority of your own ' +
        'goes into VIRTUALMIN_CA_FILE.',
    );
  }
}

/** Webmin refuses this address for a while, after too many failed logins from it. */
export class LockedOutError extends RemoteApiError {
  override readonly name = 'LockedOutError';

  constructor(
    call: string,
    /** When it may be asked again, in milliseconds since 1970. */
    readonly until: number,
  ) {
    super(
      'locked-out',
      call,
      'Webmin has locked out this address for a minute, after too many failed logins from it',
      'Nothing is asked until that minute is over. If it goes on: check VIRTUALMIN_USER and VIRTUALMIN_PASSWORD, ' +
        'and what else logs in from here.',
    );
  }
}
