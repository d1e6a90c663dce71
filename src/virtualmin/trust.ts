import { Agent, type RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { systemRoots } from '../network/system-roots';

/** How the server's certificate is verified. There is no setting that accepts any certificate. */
export type Trust =
  | { readonly kind: 'system-roots' }
  | { readonly kind: 'ca'; readonly pem: string }
  | {
      readonly kind: 'fingerprint';
      /** SHA-256 of the certificate, in upper-case hex with colons as Node and OpenSSL print it. */
      readonly sha256: string;
      /** Where the fingerprint is set, for messages. */
      readonly source: 'VIRTUALMIN_FINGERPRINT' | "the panel's configuration";
    };

/** The certificate failed verification. Thrown before anything is sent over the connection. */
export class UntrustedCertificate extends Error {
  constructor(
    readonly reason: string,
    readonly fingerprint: string,
  ) {
    super(reason);
  }
}

/**
 * An agent that verifies the server's certificate as `trust` requires before it sends anything. Node.js's
 * own verification does not end the connection (`rejectUnauthorized: false`), so that the error can name
 * the certificate's fingerprint; the agent then closes the connection itself. A connection that is not
 * established within `timeout` milliseconds fails.
 */
export function verifyingAgent(trust: () => Trust, timeout: number): Agent {
  return new VerifyingAgent(trust, timeout);
}

class VerifyingAgent extends Agent {
  #systemRoots: string | string[] | undefined;

  constructor(
    private readonly trust: () => Trust,
    private readonly timeout: number,
  ) {
    // A resumed TLS session has no certificate to verify, so sessions are not cached.
    super({ maxCachedSessions: 0 });
  }

  override createConnection(
    options: RequestOptions,
    callback?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    const trust = this.trust();
    const ca = this.ca(trust);
    const socket = connect({
      ...(options as ConnectionOptions),
      ...(ca === undefined ? {} : { ca }),
      rejectUnauthorized: false,
    });
    const failed = (error: Error) => {
      callback?.(error, socket);
    };
    socket.once('error', failed);
    socket.setTimeout(this.timeout, () => socket.destroy(new Error('no TLS connection in time')));
    socket.once('secureConnect', () => {
      const untrusted = verify(socket, trust);
      socket.off('error', failed);
      socket.setTimeout(0);
      if (untrusted === null) {
        callback?.(null, socket);
      } else {
        socket.destroy();
        callback?.(untrusted, socket);
      }
    });
  }

  /** Reads the system's root certificates when first needed: it takes longer than starting the app. */
  private ca(trust: Trust): string | string[] | undefined {
    if (trust.kind === 'fingerprint') return undefined;
    if (trust.kind === 'ca') return trust.pem;
    this.#systemRoots ??= systemRoots();
    return this.#systemRoots;
  }
}

function verify(socket: TLSSocket, trust: Trust): UntrustedCertificate | null {
  const fingerprint = socket.getPeerCertificate().fingerprint256;
  if (trust.kind === 'fingerprint') {
    return fingerprint === trust.sha256
      ? null
      : new UntrustedCertificate(
          `the server's certificate is not the one that ${trust.source} names (${trust.sha256})`,
          fingerprint,
        );
  }
  return socket.authorized
    ? null
    : new UntrustedCertificate(
        `the server's certificate cannot be verified (${String(socket.authorizationError)})`,
        fingerprint,
      );
}
