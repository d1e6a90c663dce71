/** Why a call to Virtualmin failed. The codes are stable: pages, JSON and logs contain them. */
export type RemoteApiErrorCode =
  | 'unreachable'
  | 'tls-not-verifiable'
  | 'wrong-password'
  | 'locked-out'
  | 'not-allowed'
  | 'no-such-domain'
  | 'command-failed'
  | 'not-understood'
  | 'mixed'
  | 'too-large'
  | 'timed-out';

/**
 * A failed call to Virtualmin's remote API. The message is for an administrator and begins with the
 * call: `list-users for example.com: Virtual server does not exist`. It never contains a password, and
 * `cause` is never an error of the HTTP client, because those contain the credentials.
 */
export class RemoteApiError extends Error {
  override readonly name: string = 'RemoteApiError';

  constructor(
    readonly code: RemoteApiErrorCode,
    /** The call, such as `list-users for example.com`. */
    readonly call: string,
    /** What went wrong, a clause without a full stop. */
    readonly reason: string,
    /** What to do about it: a sentence, or empty. */
    readonly advice = '',
  ) {
    super(`${call}: ${reason}${advice === '' ? '' : `. ${advice}`}`);
  }
}

/** The configuration does not trust the server's certificate. */
export class TlsNotVerifiableError extends RemoteApiError {
  override readonly name = 'TlsNotVerifiableError';

  constructor(
    call: string,
    reason: string,
    /** SHA-256 of the certificate that the server sent, in hexadecimal with colons. */
    readonly fingerprint: string,
  ) {
    super(
      'tls-not-verifiable',
      call,
      `${reason}. Nothing was sent to it. Its certificate's SHA-256 fingerprint is ${fingerprint}`,
      'On the server, "openssl x509 -noout -fingerprint -sha256 -in /etc/webmin/miniserv.pem" prints the true one. ' +
        'If the two are the same, set VIRTUALMIN_FINGERPRINT to it. If you have a certificate authority of your ' +
        'own, set VIRTUALMIN_CA_FILE to the file with its certificate.',
    );
  }
}

/** Webmin blocks this machine's address for a while after too many failed logins from it. */
export class LockedOutError extends RemoteApiError {
  override readonly name = 'LockedOutError';

  constructor(
    call: string,
    /** When requests are possible again, in milliseconds since 1970. */
    readonly until: number,
  ) {
    super(
      'locked-out',
      call,
      'Webmin has locked out this address for a minute, after too many failed logins from it',
      'No request is made until that minute is over. If this happens again, check VIRTUALMIN_USER and ' +
        'VIRTUALMIN_PASSWORD, and which other programs log in from this machine.',
    );
  }
}
