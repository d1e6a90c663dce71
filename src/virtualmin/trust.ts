import { Agent, type RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { systemRoots } from '../network/system-roots';

/** What makes the server's certificate good. There is no "anything". */
export type Trust =
  | { readonly kind: 'system-roots' }
  | { readonly kind: 'ca'; readonly pem: string }
  | {
      readonly kind: 'fingerprint';
      /** SHA-256 of the certificate, in upper-case hex with colons as Node and OpenSSL print it. */
      readonly sha256: string;
      /** What it was told by, for messages. */
      readonly source: 'VIRTUALMIN_FINGERPRINT' | "the panel's configuration";
    };

/** Raised on the connection, before a byte is sent over it. */
export class UntrustedCertificate extends Error {
  constructor(
    readonly reason: string,
    readonly fingerprint: string,
  ) {
    super(reason);
  }
}

/**
 * An agent whose connections carry nothing until the server's certificate has been verified the way
 * `trust` says. Node.js itself is told to go on after a failed verification only so that the
 * certificate can be looked at and named in the error; the connection is closed all the same.
 * A server that does not finish connecting within `timeout` milliseconds is given up.
 */
export function verifyingAgent(trust: () => Trust, timeout: number): Agent {
  return new VerifyingAgent(trust, timeout);
}

class VerifyingAgent extends Agent {
  #systemRoots: string | string[] | undefined;

  constructor(
    private readonly trust: () => Trust,
    private readonly patience: number,
  ) {
    // A resumed session skips the certificate, so none is kept.
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
    socket.setTimeout(this.patience, () => socket.destroy(new Error('no TLS connection in time')));
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

  /** Read when first needed: parsing the system's roots takes longer than starting the app. */
  private ca(trust: Trust): string | string[] | undefined {
    if (trust.kind === 'fingerprint') return undefined;
    if (trust.kind === 'ca') return trust.pem;
    this.#systemRoots ??= systemRoots();
    return this.#systemRoots;
  }
}

function verify(socket: TLSSocket, trust: Trust): UntrustedCertificate | null {
  const shown = socket.getPeerCertificate().fingerprint256;
  if (trust.kind === 'fingerprint') {
    return shown === trust.sha256
      ? null
      : new UntrustedCertificate(
          `the server's certificate is not the one that ${trust.source} names (${trust.sha256})`,
          shown,
        );
  }
  return socket.authorized
    ? null
    : new UntrustedCertificate(
        `the server's certificate cannot be verified (${String(socket.authorizationError)})`,
        shown,
      );
}
