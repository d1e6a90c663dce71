import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls';

/** Bytes of one line, and of everything that a server may say in one conversation. */
const longestLine = 8 * 1024;
const mostBytes = 64 * 1024;

/** How a conversation with a mail server ended before its end. */
export class ConversationError extends Error {
  constructor(readonly reason: 'refused' | 'timed-out' | 'closed' | 'too-much' | 'tls-fails') {
    super(reason);
  }
}

export interface Address {
  readonly address: string;
  readonly port: number;
}

/**
 * A conversation in lines with a server that may say anything: bounded in bytes, and ended by `signal`.
 * Each method rejects with ConversationError.
 */
export class LineConnection {
  #socket: Socket;
  #buffer = Buffer.alloc(0);
  #taken = 0;
  #failure: ConversationError | null = null;
  #wake: () => void = () => undefined;
  readonly #signal: AbortSignal;
  readonly #onAbort = () => {
    this.#fail(new ConversationError('timed-out'));
  };

  private constructor(socket: Socket, signal: AbortSignal) {
    this.#socket = socket;
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#listen(socket);
  }

  static async open({ address, port }: Address, signal: AbortSignal): Promise<LineConnection> {
    if (signal.aborted) throw new ConversationError('timed-out');
    const connection = new LineConnection(connectTcp({ host: address, port }), signal);
    await connection.#until(() => connection.#socket.readyState === 'open');
    return connection;
  }

  /** The TLS connection; null before `secure`. */
  get tls(): TLSSocket | null {
    return 'getPeerCertificate' in this.#socket ? (this.#socket as TLSSocket) : null;
  }

  /** Goes on over TLS. Any certificate will do: it is looked at afterwards, and nothing secret is sent before. */
  async secure(host: string, context: SecureContext): Promise<void> {
    // What was sent in the clear before TLS must not be read as if it came through it.
    this.#buffer = Buffer.alloc(0);
    const plain = this.#socket;
    plain.removeAllListeners('data');
    const socket = connectTls({
      socket: plain,
      secureContext: context,
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    this.#socket = socket;
    let done = false;
    socket.once('secureConnect', () => {
      done = true;
    });
    this.#listen(socket, 'tls-fails', () => done);
    await this.#until(() => done);
  }

  send(line: string): void {
    this.#socket.write(line);
  }

  /** The next line, without its end. Bytes that are not ASCII become U+FFFD. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#buffer.indexOf('\n');
      if (end >= 0) {
        const line = this.#buffer.subarray(0, end).toString('latin1').replace(/\r$/, '');
        this.#buffer = this.#buffer.subarray(end + 1);
        return line.replace(/[^\x20-\x7e\t]/g, '\uFFFD');
      }
      if (this.#buffer.length > longestLine) this.#fail(new ConversationError('too-much'));
      await this.#next();
    }
  }

  close(): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#socket.destroy();
  }

  #listen(
    socket: Socket,
    failure: 'refused' | 'tls-fails' = 'refused',
    opened = () => socket.bytesRead > 0,
  ): void {
    socket.on('data', (bytes) => {
      this.#taken += bytes.length;
      if (this.#taken > mostBytes) this.#fail(new ConversationError('too-much'));
      else this.#buffer = Buffer.concat([this.#buffer, bytes]);
      this.#wake();
    });
    socket.on('connect', () => {
      this.#wake();
    });
    socket.on('secureConnect', () => {
      this.#wake();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const unreachable = /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|EACCES|EPERM)$/;
      if (error.code === 'ETIMEDOUT') this.#fail(new ConversationError('timed-out'));
      else if (unreachable.test(error.code ?? '')) this.#fail(new ConversationError('refused'));
      else if (opened()) this.#fail(new ConversationError('closed'));
      else this.#fail(new ConversationError(failure === 'tls-fails' ? 'tls-fails' : 'closed'));
    });
    socket.on('close', () => {
      this.#fail(
        new ConversationError(failure === 'tls-fails' && !opened() ? 'tls-fails' : 'closed'),
      );
    });
  }

  /** Keeps the first failure: what follows from it says less. */
  #fail(failure: ConversationError): void {
    this.#failure ??= failure;
    this.#socket.destroy();
    this.#wake();
  }

  async #until(reached: () => boolean): Promise<void> {
    while (!reached()) await this.#next();
  }

  /** Waits for anything to happen. */
  async #next(): Promise<void> {
    this.#throwFailure();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    // A last line counts, even where the server has left after it.
    if (!this.#buffer.includes('\n')) this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure;
  }
}
