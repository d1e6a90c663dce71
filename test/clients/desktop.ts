import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { readLanguages } from '../../src/texts/languages';
import { output } from './cli';

/** The Debian packages of a desktop. */
export const desktopPackages = {
  xvfb: 'Xvfb',
  'dbus-daemon': 'dbus-run-session',
  'at-spi2-core': '/usr/libexec/at-spi-bus-launcher',
  gjs: 'gjs',
  'gir1.2-atspi-2.0': '/usr/share/doc/gir1.2-atspi-2.0',
};

/** A window that is shown: its kind, such as `frame` or `dialog`, and all words in it. */
export interface Window {
  readonly role: string;
  readonly title: string;
  readonly words: string;
  /** Whether it has a progress bar. */
  readonly progress: boolean;
}

/** Seconds to wait for something to appear on the screen. */
const patience = 30;

let displays = 0;

/**
 * A screen without a monitor, with programs on it that `screen-reader.mjs` operates by the words that they show. The
 * screen, its programs and all that they start are in a process table that ends with `stop()`.
 */
export class Desktop {
  private pictures = 0;

  private constructor(
    private readonly child: ChildProcessWithoutNullStreams,
    private readonly ended: Promise<unknown>,
    private readonly answers: AsyncIterator<string>,
    private readonly home: string,
    private readonly display: string,
  ) {}

  /** `language` is a code such as `de`, of which the programs have translations. */
  static async start(
    home: string,
    language: string,
    environment: Readonly<Record<string, string>> = {},
  ) {
    // Its socket has no file, and belongs to this network.
    const display = `:${++displays}`;
    const runtime = join(home, 'run');
    mkdirSync(runtime, { mode: 0o700 });
    const screen = `Xvfb ${display} -screen 0 1280x1024x24 -nolock -nolisten unix -nolisten tcp -listen local`;
    const reader = join('test', 'clients', 'screen-reader.mjs');
    const child = spawn(
      'unshare',
      [
        ...['--pid', '--fork', '--kill-child', '--mount-proc', '--', 'sh', '-c'],
        `${screen} & exec dbus-run-session -- gjs -m ${reader}`,
      ],
      {
        env: {
          HOME: home,
          PATH: process.env.PATH,
          USER: 'root',
          TMPDIR: home,
          DISPLAY: display,
          XDG_RUNTIME_DIR: runtime,
          // Translations of GNU gettext go by LANGUAGE in every locale but C.
          LC_ALL: 'C.UTF-8',
          LANGUAGE: language,
          GSETTINGS_BACKEND: 'memory',
          ...environment,
        },
      },
    );
    child.stderr.resume();
    const lines = createInterface({ input: child.stdout });
    const desktop = new Desktop(
      child,
      once(child, 'exit'),
      lines[Symbol.asyncIterator](),
      home,
      display,
    );
    const socket = `@/tmp/.X11-unix/X${display.slice(1)}
`;
    await desktop.until(
      () => Promise.resolve(readFileSync('/proc/net/unix', 'utf8').includes(socket)),
      'the screen',
    );
    return desktop;
  }

  private async command<Result>(...command: readonly unknown[]): Promise<Result> {
    this.child.stdin.write(`${JSON.stringify(command)}\n`);
    for (;;) {
      const next = await this.answers.next();
      if (next.done === true) throw new Error('the screen has ended');
      // Others write to the same output.
      if (!next.value.startsWith('{')) continue;
      const answer = JSON.parse(next.value) as { value: Result } | { error: string };
      if ('error' in answer) throw new Error(answer.error);
      return answer.value;
    }
  }

  /** Does it as soon as what it needs is on the screen. */
  private async act(...command: readonly unknown[]): Promise<void> {
    for (const end = Date.now() + patience * 1000; ;) {
      try {
        await this.command(...command);
        return;
      } catch (error) {
        if (Date.now() > end)
          throw new Error(`${String(error)} among: ${(await this.words()).join(' | ')}`, {
            cause: error,
          });
        await setTimeout(100);
      }
    }
  }

  /** Starts a program. */
  run(...command: readonly string[]): Promise<void> {
    return this.command('start', command, join(this.home, 'output'));
  }

  /** What the program printed that was started last. */
  printed(): string {
    return readFileSync(join(this.home, 'output'), 'utf8');
  }

  words(): Promise<readonly string[]> {
    return this.command('words');
  }

  windows(): Promise<readonly Window[]> {
    return this.command('windows');
  }

  boxes(): Promise<readonly string[]> {
    return this.command('boxes');
  }

  press(button: string): Promise<void> {
    return this.act('press', button);
  }

  /** Presses with the mouse, which a program can answer with a window of its own. */
  click(button: string): Promise<void> {
    return this.act('click', button);
  }

  fill(label: string, text: string): Promise<void> {
    return this.act('fill', label, text);
  }

  fillPassword(text: string): Promise<void> {
    return this.act('password', text);
  }

  turn(box: string, on: boolean): Promise<void> {
    return this.act('turn', box, on);
  }

  choose(label: string, option: string): Promise<void> {
    return this.act('choose', label, option);
  }

  /** Waits. Throws with the words on the screen if that takes too long. */
  async until(condition: () => Promise<boolean>, what: string, seconds = patience): Promise<void> {
    for (const end = Date.now() + seconds * 1000; !(await condition());) {
      if (Date.now() > end)
        throw new Error(`${what} does not come; there is: ${(await this.words()).join(' | ')}`);
      await setTimeout(200);
    }
  }

  /** Saves a picture of the screen in $CLIENTS_PICTURES, for which ImageMagick is needed. */
  async picture(name: string): Promise<void> {
    const folder = process.env.CLIENTS_PICTURES;
    if (folder === undefined) return;
    mkdirSync(folder, { recursive: true });
    const file = join(folder, `${name}-${++this.pictures}.png`);
    await output(['import', '-display', this.display, '-window', 'root', file], {
      home: this.home,
    });
  }

  async stop(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

/** The steps of a client's guide in one language: of each step the labels in it, in their order. */
export function guideLabels(client: string, steps: number, walk: number) {
  const languages = readLanguages(join('src', 'webmin', 'lang'));
  const texts = languages.all[walk % languages.all.length] ?? languages.english;
  const labels = Array.from({ length: steps }, (_, index) =>
    [...texts.text(`guide_${client}_${index + 1}`).matchAll(/<b>(.*?)<\/b>/g)].map(
      ([, label = '']) => label,
    ),
  );
  return { texts, labels };
}
