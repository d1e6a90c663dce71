import { connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';

type Answer = readonly [
  type: 1,
  id: number,
  error: { readonly error: string; readonly message: string } | null,
  result: unknown,
];

/**
 * A session of Marionette, the automation that Thunderbird has in itself, with the rights of the program's own windows.
 * Its messages are JSON behind their length in bytes (remote/marionette/transport.sys.mjs and message.sys.mjs).
 */
export class Marionette {
  private buffered = Buffer.alloc(0);
  private readonly waiting = new Map<
    number,
    { resolve: (result: unknown) => void; reject: (error: Error) => void }
  >();
  private last = 0;

  private constructor(private readonly socket: Socket) {
    socket.on('data', (data) => {
      this.receive(data);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      for (const { reject } of this.waiting.values()) reject(new Error('Thunderbird has ended'));
      this.waiting.clear();
    });
  }

  /** Connects as soon as the program listens, which takes it some seconds. */
  static async connect(port: number, waitSeconds = 60): Promise<Marionette> {
    const until = Date.now() + waitSeconds * 1000;
    for (;;) {
      const socket = connect(port, '127.0.0.1');
      const connected = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => {
          resolve(true);
        });
        socket.once('error', () => {
          resolve(false);
        });
      });
      if (connected) {
        const marionette = new Marionette(socket);
        await marionette.command('WebDriver:NewSession', {
          capabilities: { alwaysMatch: { acceptInsecureCerts: false } },
        });
        await marionette.command('Marionette:SetContext', { value: 'chrome' });
        return marionette;
      }
      if (Date.now() > until) throw new Error(`nothing listens on Marionette's port ${port}`);
      await setTimeout(250);
    }
  }

  /** Runs the body of an async function in the program; `args` and what it returns are JSON. */
  async run<Result>(body: string, ...args: readonly unknown[]): Promise<Result> {
    const script = `const done = arguments[arguments.length - 1];
      (async function () { ${body} }).apply(null, Array.from(arguments).slice(0, -1)).then(
        (value) => done({ value: value === undefined ? null : value }),
        (error) => done({ error: String(error) + '\\n' + (error.stack || '') }));`;
    const { value } = (await this.command('WebDriver:ExecuteAsyncScript', {
      script,
      args,
      sandbox: 'system',
      newSandbox: false,
      scriptTimeout: 120_000,
    })) as { value: { value: Result } | { error: string } };
    if ('error' in value) throw new Error(value.error);
    return value.value;
  }

  /** A picture of the program's window: PNG in base64. */
  async screenshot(): Promise<string> {
    const { value } = (await this.command('WebDriver:TakeScreenshot', {
      full: false,
    })) as { value: string };
    return value;
  }

  close(): void {
    this.socket.destroy();
  }

  private command(name: string, parameters: object): Promise<unknown> {
    const id = ++this.last;
    const message = Buffer.from(JSON.stringify([0, id, name, parameters]));
    this.socket.write(Buffer.concat([Buffer.from(`${message.length}:`), message]));
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
    });
  }

  private receive(data: Buffer): void {
    this.buffered = Buffer.concat([this.buffered, data]);
    for (;;) {
      const colon = this.buffered.indexOf(':');
      if (colon === -1) return;
      const end = colon + 1 + Number(this.buffered.subarray(0, colon));
      if (this.buffered.length < end) return;
      const message: unknown = JSON.parse(this.buffered.subarray(colon + 1, end).toString());
      this.buffered = this.buffered.subarray(end);
      // The first message is a greeting and no array.
      if (Array.isArray(message)) this.settle(message as unknown as Answer);
    }
  }

  private settle([, id, error, result]: Answer): void {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (error === null) waiting?.resolve(result);
    else waiting?.reject(new Error(`${error.error}: ${error.message}`));
  }
}
