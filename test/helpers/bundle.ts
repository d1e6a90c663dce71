import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const dist = join(__dirname, '..', '..', 'build', 'dist');

export const bundle = join(dist, 'server.mjs');

export const answersBundle = join(dist, 'answers-server.mjs');

export interface RunningServer {
  readonly process: ChildProcess;
  /** The line that it prints when it is listening. */
  readonly line: string;
  readonly errors: () => string;
  /** Resolves with its exit code. */
  readonly ended: Promise<number | null>;
}

/**
 * Starts the bundle, on a free port unless the environment names one, and waits for its line.
 * Rejects with its stderr if it ends before that. `node` is the Node.js to run it with, `program` another bundle.
 */
export async function startBundle(
  env: Readonly<Record<string, string>> = {},
  node = process.execPath,
  program = bundle,
): Promise<RunningServer> {
  const child = spawn(node, [program], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stderr.on('data', (data) => (errors += String(data)));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (data) => {
      output += String(data);
      if (output.includes('\n')) resolve(output.trimEnd());
    });
    void ended.then((code) => {
      reject(new Error(`ended with ${String(code)}: ${errors}`));
    });
  });
  return { process: child, line, errors: () => errors, ended };
}

/** The address in the line, and its token. */
export function addressIn(line: string): { readonly base: string; readonly token: string } {
  const url = new URL(/http:\S+/.exec(line)?.[0] ?? '');
  return { base: url.origin, token: url.searchParams.get('token') ?? '' };
}

/** The path of exactly this version of Node.js, from the npm package `node`. */
export function nodeOfVersion(version: string): string {
  const program = 'process.version + " " + process.execPath';
  const args = ['--yes', '-p', `node@${version}`, '--', 'node', '-p', program];
  const [found, path] = String(execFileSync('npx', args)).trim().split(' ');
  if (found !== `v${version}` || path === undefined)
    throw new Error(`got ${String(found)} instead`);
  return path;
}
