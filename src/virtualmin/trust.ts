import { existsSync, readFileSync } from 'node:fs';
import { Agent, type RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect, rootCertificates, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { Trust } from '../settings/config';

/** Raised on the connection, before a byte is sent over it. */
export class UntrustedCertificate extends Error {
  constructor(
    readonly reason: string,
    readonly fingerprint: string,
  ) {
    super(reason);
  }
}

/** Where the supported systems keep their roots: Debian and Ubuntu, then the RHEL family. */
const rootFiles = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt'];

/** The system's trusted roots, or those that Node.js brings where the system has none. */
export function systemRoots(): string | string[] {
  const file = rootFiles.find((path) => existsSync(path));
  return file === undefined ? [...rootCertificates] : readFileSync(file, 'utf8');
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
