import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls';

/** Limits in bytes for one line and for all that a server sends over one connection. */
const maxLineBytes = 8 * 1024;
const maxBytes = 64 * 1024;

/** Milliseconds for which a server may take to answer the last command and to close the connection. */
const leaveFor = 2_000;

/** Why a connection to a mail server failed. */
export class ConversationError extends Error {
  constructor(
    /** `timed-out`: there was no connection in time; `silent`: the server did not answer on it in time. */
    readonly reason: 'refused' | 'timed-out' | 'silent' | 'closed' | 'too-much' | 'tls-fails',
  ) {
    super(reason);
  }
}

export interface Address {
  readonly address: string;
  readonly port: number;
  /** The address of this machine to connect from; undefined for the one that the system chooses. */
  readonly from?: string | undefined;
}

/** Milliseconds in which a connection has to be accepted. */
const connectWithin = 5_000;

/**
 * A line-based connection to a server that is not trusted: what it sends is limited in bytes, and `signal`
 * ends the connection. Each method rejects with ConversationError.
 */
export class LineConnection {
  #socket: Socket;
  #buffer = Buffer.alloc(0);
  #received = 0;
  #failure: ConversationError | null = null;
  #opened = false;
  #wake: () => void = () => undefined;
  readonly #signal: AbortSignal;
  readonly #onAbort = () => {
    this.#fail(new ConversationError(this.#opened ? 'silent' : 'timed-out'));
  };

  private constructor(socket: Socket, signal: AbortSignal) {
    this.#socket = socket;
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#listen(socket);
  }

  static async open(
    { address, port, from }: Address,
    signal: AbortSignal,
  ): Promise<LineConnection> {
    if (signal.aborted) throw new ConversationError('timed-out');
    const source = from === undefined ? {} : { localAddress: from };
    const connection = new LineConnection(connectTcp({ host: address, port, ...source }), signal);
    const timer = setTimeout(connection.#onAbort, connectWithin);
    try {
      await connection.#until(() => connection.#socket.readyState === 'open');
    } finally {
      clearTimeout(timer);
    }
    connection.#opened = true;
    return connection;
  }

  /** The address of this machine that the server sees. */
  get from(): string | undefined {
    return this.#socket.localAddress;
  }

  /**
   * Starts TLS with any certificate. The caller has to verify it before sending a secret. A server that ends the
   * connection without ever having sent a byte `closed` it: TLS is not what fails.
   */
  async secure(host: string, context: SecureContext): Promise<TLSSocket> {
    // Data received before TLS must not be read as if it came over TLS.
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
    this.#listen(socket, 'tls-fails', () => done || plain.bytesRead === 0);
    await this.#until(() => done);
    return socket;
  }

  send(line: string): void {
    this.#socket.write(line);
  }

  /** The next line, without the line end. Bytes that are not printable ASCII become U+FFFD. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#buffer.indexOf('\n');
      if (end >= 0) {
        const line = this.#buffer.subarray(0, end).toString('latin1').replace(/\r$/, '');
        this.#buffer = this.#buffer.subarray(end + 1);
        return line.replace(/[^\x20-\x7e\t]/g, '\uFFFD');
      }
      if (this.#buffer.length > maxLineBytes) this.#fail(new ConversationError('too-much'));
      await this.#next();
    }
  }

  /**
   * Ends the connection with this last command, without waiting for the answer. A server would log a
   * connection that is just closed as lost, which programs such as fail2ban count against the client.
   */
  leave(goodbye: string): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
    const socket = this.#socket;
    if (this.#failure !== null) return;
    // The answer has to be read: with unread data, closing resets the connection.
    socket.removeAllListeners('data').resume();
    socket.end(goodbye);
    const timer = setTimeout(() => socket.destroy(), leaveFor).unref();
    socket.once('close', () => {
      clearTimeout(timer);
    });
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
      this.#received += bytes.length;
      if (this.#received > maxBytes) this.#fail(new ConversationError('too-much'));
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
      if (error.code === 'ETIMEDOUT') this.#onAbort();
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

  /** Keeps the first failure: later ones are only its consequences. */
  #fail(failure: ConversationError): void {
    this.#failure ??= failure;
    this.#socket.destroy();
    this.#wake();
  }

  async #until(reached: () => boolean): Promise<void> {
    while (!reached()) await this.#next();
  }

  /** Waits for the next event of the socket. */
  async #next(): Promise<void> {
    this.#throwFailure();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    // A complete last line is used even if the server closed the connection after it.
    if (!this.#buffer.includes('\n')) this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure;
  }
}
