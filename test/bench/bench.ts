import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { bigDomainAnswer } from '../../src/demo/big-domain';
import { decideServices } from '../../src/domain/client-settings';
import { defaultPolicy } from '../../src/settings/settings';
import { Probes } from '../../src/probe/probes';
import type { mailboxesJson } from '../../src/formats/json';
import { makeAuthority, startMailPorts } from '../helpers/mail-ports';
import { startedWith } from '../helpers/start';
import { readAnswer } from '../../src/virtualmin/answer';
import { toDomainUsers, userRows } from '../../src/virtualmin/users';
import { chromium } from 'playwright-core';
import { askOften, compareAnswers, fuzz, startAnswers } from './answers';
import { load, startServer, startVirtualmin, token } from './server';

const rounds = 7;

/** Minimum time of a real server for a domain of 5,000 mailboxes, in milliseconds. */
const realServer = 13_000;

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;
}

async function took(work: () => unknown): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

function row(what: string, measured: string, aim = ''): void {
  console.log(`${what.padEnd(58)} ${measured.padStart(22)}   ${aim}`);
}

const ms = (milliseconds: number) => `${milliseconds.toFixed(milliseconds < 20 ? 1 : 0)} ms`;
const mb = (bytes: number) => `${(bytes / 1e6).toFixed(bytes < 10e6 ? 1 : 0)} MB`;

/** Each round measures all of them, so that noise affects them equally. */
async function parsing(): Promise<void> {
  const domain = 'big.example';
  const json = Buffer.from(bigDomainAnswer('json', domain, 5000));
  const xml = Buffer.from(bigDomainAnswer('xml', domain, 5000));
  const parse = async (body: Buffer) => {
    const answer = await readAnswer(body, userRows);
    if (answer.kind !== 'rows') throw new Error(answer.kind);
    return toDomainUsers(domain, answer.rows);
  };
  const times = { plain: [] as number[], json: [] as number[], xml: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    times.plain.push(await took(() => void JSON.parse(String(json))));
    times.json.push(await took(() => parse(json)));
    times.xml.push(await took(() => parse(xml)));
  }
  const plain = median(times.plain);
  row(`JSON.parse of ${mb(json.length)}, 5,000 mailboxes`, ms(plain));
  row('the same to mailboxes, from JSON', ms(median(times.json)));
  row('  against JSON.parse', `${(median(times.json) / plain).toFixed(2)} times`, 'at most 3');
  row(`the same to mailboxes, from XML (${mb(xml.length)})`, ms(median(times.xml)));
}

/** A mail port without TLS that greets and closes after `delay` milliseconds; null: it never sends anything. */
async function mailPort(delay: number | null): Promise<{ port: number; close: () => void }> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined).on('close', () => open.delete(socket));
    if (delay !== null) globalThis.setTimeout(() => socket.end('* BYE\r\n'), delay);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => {
    server.close();
    for (const socket of open) socket.destroy();
  };
  return { port: (server.address() as AddressInfo).port, close };
}

async function probing(): Promise<void> {
  const { incoming, outgoing } = decideServices('example.com', defaultPolicy);
  const endpoints = [...incoming, ...outgoing];
  const authority = makeAuthority();
  const ports = await startMailPorts(authority.issue(['mail.example.com']));
  const of = (portOf: (port: number) => number) =>
    new Probes({ resolve: () => Promise.resolve(['127.0.0.1']), roots: authority.root, portOf });
  const times = { one: [] as number[], all: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    const alone: number[] = [];
    for (const endpoint of endpoints) {
      alone.push(await took(() => of(ports.portOf).observe([endpoint])));
    }
    times.one.push(Math.max(...alone));
    times.all.push(await took(() => of(ports.portOf).observe(endpoints)));
  }
  ports.close();
  authority.remove();
  row('the slowest of six mail ports alone', ms(median(times.one)));
  row('all six at once, and port 25', ms(median(times.all)));
  const ratio = median(times.all) / median(times.one);
  row('  against the slowest', `${ratio.toFixed(2)} times`, 'aim 1.3');

  const [well, silent] = [await mailPort(200), await mailPort(null)];
  const before = process.memoryUsage().rss;
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 50);
  // One Probes object, as on the page of the whole server. Port 1 leads to the silent server.
  const probes = of((port) => (port === 1 ? silent.port : well.port));
  const hosts = Array.from({ length: 100 }, (_, index) =>
    endpoints.map((one) => ({
      ...one,
      host: `mail${index}.example.com`,
      port: index % 10 === 0 ? 1 : one.port,
    })),
  );
  const all = await took(() => Promise.all(hosts.map((of) => probes.observe(of))));
  clearInterval(watch);
  well.close();
  silent.close();
  row('100 hosts, 10 of them silent', ms(all), 'at most 30 s');
  row('  memory on top', mb(most - before), 'at most 100 MB');
}

/**
 * A page through the bridge, compared with an empty page of the same panel that loads Virtualmin's library; and a file of
 * 20 MB, compared with a static one. Both use the stand-ins of the tests for the panel and the library, so the difference is
 * the cost of the bridge.
 */
async function bridge(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bridge-'));
  const socket = join(folder, 'app.sock');
  const { env, args } = startedWith();
  const app = spawn(process.execPath, args, {
    env: { ...env, PATH: process.env.PATH, SOCKET_PATH: socket, LOG_LEVEL: 'silent' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(app.stdout, 'data');
  const panel = spawn('perl', [join('test', 'bench', 'panel.pl'), socket], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [ready] = (await once(panel.stdout, 'data')) as [Buffer];
  const [port, root, owner] = ready.toString().trim().split(' ');
  const bytes = (session: string | undefined, path: string) =>
    new Promise<number>((resolve, reject) => {
      let count = 0;
      const headers = { Cookie: `sid=${session}` };
      request({ port, path, headers, agent: false, rejectUnauthorized: false }, (response) => {
        if (response.statusCode !== 200) reject(new Error(`${path}: ${response.statusCode}`));
        response.on('data', (piece: Buffer) => {
          count += piece.length;
        });
        response.on('error', reject).on('end', () => {
          resolve(count);
        });
      })
        .on('error', reject)
        .end();
    });
  /** Median times, measured in turn. */
  const inTurn = async (count: number, works: readonly (() => Promise<unknown>)[]) => {
    const times: number[][] = works.map(() => []);
    for (let round = 0; round < count; round++) {
      for (const [index, work] of works.entries()) times[index]?.push(await took(work));
    }
    return times.map(median);
  };
  const module = '/virtualmin-mail-setup/index.cgi';
  await bytes(root, `${module}/domains/example.com`);
  const [empty = NaN, page = NaN, list = NaN] = await inTurn(3 * rounds, [
    () => bytes(root, '/empty/index.cgi'),
    () => bytes(root, `${module}/domains/example.com`),
    () => bytes(owner, `${module}/`),
  ]);
  row("an empty page of the panel with Virtualmin's library (stand-ins)", ms(empty));
  row('a warm page through the bridge, on top of that', ms(page - empty), 'at most 30 ms');
  row("an owner's list among 2,000 domains, on top of that", ms(list - empty), 'at most 30 ms');

  app.kill();
  await once(app, 'exit');
  const size = 20 * 1024 * 1024;
  const piece = Buffer.alloc(64 * 1024);
  const played = createHttpServer((_request, response) => {
    response.setHeader('Content-Type', 'application/zip');
    for (let sent = 0; sent < size; sent += piece.length) response.write(piece);
    response.end();
  });
  await once(played.listen(socket), 'listening');
  const [fixed = NaN, chunked = NaN] = await inTurn(rounds, [
    () => bytes(root, '/empty/large.zip'),
    () => bytes(root, `${module}/x.zip`),
  ]);
  row('a static file of 20 MB', ms(fixed));
  row(
    'one of that size through the bridge',
    `${ms(chunked)}, ${(fixed / chunked).toFixed(2)} of its speed`,
    'at least 0.5',
  );
  played.close();
  panel.stdin.end();
  await once(panel, 'exit');
  rmSync(folder, { recursive: true });
}

async function firstPage(): Promise<void> {
  const delay = 1_500;
  const virtualmin = await startVirtualmin(1, delay);
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const server = await startServer(virtualmin.url);
    await server.get('/healthz');
    times.push((await took(() => server.get('/domains/big0.example?wait=1'))) - delay);
    await server.stop();
  }
  virtualmin.stop();
  const extra = median(times);
  row('first page of 5,000 mailboxes, on top of the server’s time', ms(extra));
  row('  of 13 s', `${((100 * extra) / realServer).toFixed(1)} %`, 'at most 5 %, aim 1 %');
}

async function warmPage(): Promise<void> {
  const virtualmin = await startVirtualmin(1, 0);
  const server = await startServer(virtualmin.url);
  const path = '/domains/big0.example';
  await server.get(`${path}?wait=1`);
  const url = server.base + path;
  await load(url, 50, 3);
  // Well below the time after which the cache would refresh its answers.
  const alone = await load(url, 1, 8);
  const crowd = await load(url, 50, 12);
  await server.stop();
  virtualmin.stop();
  row('warm page of 100 mailboxes, alone: median', ms(alone.median), 'aim 5 ms');
  row('  99th percentile', ms(alone.p99));
  row('warm page of 100 mailboxes, 50 at once: median', ms(crowd.median), 'aim 5 ms');
  row('  99th percentile', ms(crowd.p99), 'aim 50 ms');
  row('  pages a second', crowd.perSecond.toFixed(0));
}

async function memory(): Promise<void> {
  const virtualmin = await startVirtualmin(10, 0);
  const [first = '', ...others] = virtualmin.names;
  const figures: number[][] = [];
  for (let round = 0; round < 5; round++) {
    const server = await startServer(virtualmin.url);
    const figure: number[] = [];
    const settled = async () => {
      await setTimeout(1_000);
      figure.push(server.memory());
    };
    await server.get('/healthz');
    await settled();
    await server.get(`/domains/${first}?wait=1`);
    await settled();
    for (const name of others) await server.get(`/domains/${name}?wait=1`);
    await settled();
    figures.push(figure);
    await server.stop();
  }
  virtualmin.stop();
  const at = (index: number) => mb(median(figures.map((figure) => figure[index] ?? NaN)));
  row('memory at start', at(0), 'aim 70 MB');
  row('memory with 5,000 mailboxes', at(1), 'aim 120 MB');
  row('memory with 50,000 mailboxes in ten domains', at(2), 'aim 200 MB');
}

type MailboxList = ReturnType<typeof mailboxesJson>;

/** The form data that selects the sheets of `count` mailboxes. */
function selection({ mailboxes }: MailboxList, count: number): string {
  const chosen = mailboxes.filter(({ disabled }) => !disabled).slice(0, count);
  if (chosen.length < count) throw new Error(`only ${chosen.length} mailboxes`);
  const logins = chosen.map(({ login }) => ['login', login] as [string, string]);
  return new URLSearchParams([['selected', '1'], ...logins]).toString();
}

/** PDFs made by the server, compared with the same page printed by Chromium. */
async function sheets(): Promise<void> {
  const virtualmin = await startVirtualmin(1, 0, 10_100);
  const server = await startServer(virtualmin.url);
  const domain = '/domains/big0.example';
  const list = JSON.parse(await server.get(`${domain}/mailboxes.json`)) as MailboxList;
  const form = (count: number) => selection(list, count);

  const cold = await server.download(`${domain}/sheets.pdf`, form(1));
  row('a sheet as PDF, the first since the start', ms(cold.last));
  const one: number[] = [];
  for (let round = 0; round < rounds; round++) {
    one.push((await server.download(`${domain}/sheets.pdf`, form(1))).last);
  }
  row('  and once the fonts are open', ms(median(one)));

  const few = 200;
  const own: number[] = [];
  const printed: number[] = [];
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
  const page = await browser.newPage({ extraHTTPHeaders: { Authorization: `Bearer ${token}` } });
  for (let round = 0; round < 3; round++) {
    own.push((await server.download(`${domain}/sheets.pdf`, form(few))).last);
    printed.push(
      await took(async () => {
        await page.goto(`${server.base}${domain}/sheets?${form(few)}`);
        await page.pdf({ preferCSSPageSize: true, tagged: true });
      }),
    );
  }
  await browser.close();
  row(`${few} sheets as one PDF`, ms(median(own)));
  row('  the same printed from HTML by Chromium, tagged too', ms(median(printed)));
  row(
    '  ours of Chromium’s',
    `${((100 * median(own)) / median(printed)).toFixed(0)} %`,
    'aim 25 %',
  );
  const zipped = await server.download(`${domain}/sheets.zip`, form(few));
  row(`${few} sheets as a ZIP of a PDF each`, ms(zipped.last));

  await server.stop();
  virtualmin.stop();
  await memoryOfSheets(1_100, 1_000);
  await memoryOfSheets(10_100, 1_000);
  await memoryOfSheets(10_100, 10_000);
}

/** Time and memory for `count` sheets of a domain with `mailboxes` mailboxes. */
async function memoryOfSheets(mailboxes: number, count: number): Promise<void> {
  const virtualmin = await startVirtualmin(1, 0, mailboxes);
  const server = await startServer(virtualmin.url);
  const domain = '/domains/big0.example';
  const list = JSON.parse(await server.get(`${domain}/mailboxes.json`)) as MailboxList;
  await server.download(`${domain}/sheets.pdf`, selection(list, 1));
  server.forgetMostMemory();
  const before = server.memory();
  const { first, last } = await server.download(`${domain}/sheets.pdf`, selection(list, count));
  const number = (value: number) => value.toLocaleString('en');
  row(
    `${number(count)} sheets of ${number(mailboxes)} mailboxes: first byte`,
    ms(first),
    'aim 100 ms',
  );
  row('  all of them', ms(last));
  row('  memory of the server before', mb(before));
  row('  the most meanwhile', mb(server.mostMemory()), 'aim 150 MB');
  await server.stop();
  virtualmin.stop();
}

async function start(): Promise<void> {
  const virtualmin = await startVirtualmin(1, 0);
  const health: number[] = [];
  const page: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    const server = await startServer(virtualmin.url);
    await server.get('/healthz');
    health.push(performance.now() - began);
    await server.get('/');
    page.push(performance.now() - began);
    await server.stop();
  }
  virtualmin.stop();
  row('start to first answer (/healthz)', ms(median(health)), 'aim 300 ms');
  row('start to first page (/, with its call to Virtualmin)', ms(median(page)));
}

/** The answer service: whether strangers can tell which addresses exist, and what it withstands. */
async function answers(): Promise<void> {
  const server = await startAnswers(10_000);
  await askOften(server.base, 200, 2);
  await setTimeout(3_000);
  row('answers: own memory at rest, 10,000 mailboxes', mb(server.memory()), 'aim 40 MB');
  const { requests, existing, invented, deviations, sameForm, styles } = await compareAnswers(
    server.base,
    10_000,
  );
  row(
    `  address exists, or not (${requests} requests)`,
    `${existing.toFixed(3)}, ${invented.toFixed(3)} ms`,
  );
  row('  distance of their times in standard deviations', deviations.toFixed(2), 'below 2.6');
  row('  same sizes and headers', sameForm ? 'yes' : 'NO', 'yes');
  row(
    '  share of the rarer naming style',
    styles.map((one) => `${(one * 100).toFixed(1)} %`).join(', '),
  );
  const { perSecond, median: half, p99, most, failed } = await askOften(server.base, 1_000, 60);
  row('  1,000 requests a second for a minute: answered', `${perSecond.toFixed()} a second`);
  row('    failed', String(failed), '0');
  row('    median, 99th percentile, slowest', `${half}, ${p99}, ${most} ms`);
  row('    own memory afterwards', mb(server.memory()));
  const { broken, sent } = await fuzz(server.base, 20_000);
  row('  random requests that broke it', `${broken} of ${sent}`, '0');
  await server.stop();
}

async function bench(): Promise<void> {
  console.log(`Node.js ${process.version}; medians of ${rounds} (memory: of 5)\n`);
  const parts = { parsing, bridge, firstPage, warmPage, memory, sheets, probing, start, answers };
  const chosenParts = process.argv.slice(2);
  for (const [name, part] of Object.entries(parts)) {
    if (chosenParts.length === 0 || chosenParts.includes(name)) await part();
  }
  row('size of what a start reads', mb(statSync('build/dist/server.mjs').size));
}

bench().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
