import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { bigDomainAnswer } from '../../src/demo/big-domain';
import { startedWith } from '../helpers/start';

export const token = 'token-of-the-benchmark';

/** The server's bundle in its own process. */
export interface MeasuredServer {
  readonly get: (path: string) => Promise<string>;
  /** Sends a form and downloads the file; returns the milliseconds to its first and its last byte. */
  readonly download: (path: string, form: string) => Promise<{ first: number; last: number }>;
  /** Resets mostMemory(). */
  readonly forgetMostMemory: () => void;
  /** The peak memory of the process, in bytes. */
  readonly mostMemory: () => number;
  /** The current memory of the process, in bytes. */
  readonly memory: () => number;
  readonly base: string;
  readonly stop: () => Promise<void>;
}

/** Starts build/dist against a Virtualmin. */
export async function startServer(virtualmin: string): Promise<MeasuredServer> {
  const { env, args } = startedWith();
  const child = spawn(process.execPath, args, {
    env: {
      ...env,
      PORT: '0',
      ACCESS_TOKEN: token,
      LOG_LEVEL: 'warn',
      VIRTUALMIN_URL: virtualmin,
      VIRTUALMIN_USER: 'api',
      VIRTUALMIN_PASSWORD: 'secret',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const base = new URL(/http:\S+/.exec(String(line))?.[0] ?? '').origin;
  return {
    base,
    get: async (path) => {
      const response = await fetch(base + path, { headers: { Authorization: `Bearer ${token}` } });
      const text = await response.text();
      if (response.status !== 200) throw new Error(`${path}: ${response.status} ${text}`);
      return text;
    },
    download: async (path, form) => {
      const began = performance.now();
      const response = await fetch(base + path, {
        method: 'POST',
        headers: {
          Authorization: `Bearer ${token}`,
          'Content-Type': 'application/x-www-form-urlencoded',
        },
        body: form,
      });
      if (response.status !== 200 || response.body === null) throw new Error(path);
      let first = NaN;
      let size = 0;
      for await (const part of response.body) {
        size += (part as Uint8Array).length;
        if (Number.isNaN(first)) first = performance.now() - began;
      }
      if (size === 0) throw new Error(`${path}: empty`);
      return { first, last: performance.now() - began };
    },
    memory: () => memoryOf(child, 'VmRSS'),
    forgetMostMemory: () => {
      // proc(5): 5 resets the peak.
      writeFileSync(`/proc/${String(child.pid)}/clear_refs`, '5');
    },
    mostMemory: () => memoryOf(child, 'VmHWM'),
    stop: async () => {
      child.kill('SIGTERM');
      await once(child, 'close');
    },
  };
}

function memoryOf({ pid }: ChildProcess, line: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
  return Number(new RegExp(`${line}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
}

export interface Load {
  /** Milliseconds. */
  readonly median: number;
  readonly p99: number;
  readonly perSecond: number;
}

/** Requests one page repeatedly, from another process. */
export async function load(url: string, connections: number, seconds: number): Promise<Load> {
  const { stdout } = await promisify(execFile)('node_modules/.bin/autocannon', [
    '--json',
    ...['-c', String(connections), '-d', String(seconds)],
    ...['-H', `Authorization: Bearer ${token}`],
    url,
  ]);
  const result = JSON.parse(stdout) as {
    readonly non2xx: number;
    readonly errors: number;
    readonly latency: { readonly p50: number; readonly p99: number };
    readonly requests: { readonly average: number };
  };
  if (result.non2xx + result.errors > 0) throw new Error(`${url} failed under load`);
  const { latency, requests } = result;
  return { median: latency.p50, p99: latency.p99, perSecond: requests.average };
}

/**
 * A Virtualmin with the domains big0.example, big1.example, … and `mailboxes` mailboxes in each.
 * It answers list-users after `delay` milliseconds.
 */
export async function startVirtualmin(domains: number, delay: number, mailboxes = 5000) {
  const names = Array.from({ length: domains }, (_, index) => `big${index}.example`);
  const users = new Map(
    names.map((name) => [name, Buffer.from(bigDomainAnswer('json', name, mailboxes))]),
  );
  const data = names.map((name) => ({
    name,
    values: { id: ['1'], features: ['mail'], type: ['Top-level server'] },
  }));
  const list = JSON.stringify({ status: 'success', data });
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? '', 'http://localhost').searchParams;
    const answer =
      query.get('program') === 'list-domains' ? list : users.get(query.get('domain') ?? '');
    setTimeout(() => response.end(answer), answer === list ? 0 : delay);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    names,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
