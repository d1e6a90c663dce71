import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import {
  changedPackage,
  dropIn,
  figure,
  moduleFolder,
  serviceUnit,
  socketUnit,
  startPanel,
  type Panel,
} from './panel';

let panel: Panel;

beforeAll(async () => {
  // The second is more than the service may use once its memory is limited.
  panel = await startPanel({ 'big.example': 20_000, 'plain.example': 1500 });
  await panel.install();
});

afterAll(() => {
  panel.stop();
});

describe('an upgrade during the download of a large file', () => {
  const mark = 'a-newer-version';
  let newer: string;

  beforeAll(() => {
    newer = changedPackage((files) => {
      const info = join(files, 'module.info');
      writeFileSync(info, readFileSync(info, 'utf8').replace(/^version=.*$/m, 'version=99.0.0'));
      appendFileSync(join(files, 'app/views/partials/bottom.ejs'), `<!-- ${mark} -->`);
    });
  });

  afterAll(() => {
    rmSync(newer);
  });

  test('does not break the download, and other requests are answered', async () => {
    let installation: ReturnType<Panel['install']> | undefined;
    const onData = async (bytes: number) => {
      if (bytes > 1_000_000) installation ??= panel.install(newer);
      // A slow browser: the file takes about eight seconds.
      await setTimeout(20);
    };
    const old = panel.mainPid();
    const download = panel.requestWarm('plain.example', '/sheets', { onData });
    await panel.until('the installation begins', () => installation !== undefined);
    const begin = performance.now();
    const pages: { status: number; time: number }[] = [];
    const progress = { installed: false };
    const said = installation?.then((result) => {
      progress.installed = true;
      return result;
    });
    while (!progress.installed) {
      pages.push(await panel.request('/domains/example.com/mailboxes.json'));
      await setTimeout(50);
    }
    const seconds = ((performance.now() - begin) / 1000).toFixed(1);
    expect((await said)?.err).toBe('');
    const { status, complete, body } = await download;
    expect([status, complete]).toEqual([200, true]);
    expect(String(body.subarray(-100))).toContain('</html>');
    expect(pages.filter((page) => page.status !== 200)).toEqual([]);
    const longest = Math.max(...pages.map(({ time }) => time)).toFixed();
    figure(
      'an installation over a running service',
      `${seconds} s, ${pages.length} pages meanwhile, the slowest in ${longest} ms`,
    );
    const after = panel.mainPid();
    expect([0, old]).not.toContain(after);
    const page = await panel.requestWarm('example.com');
    expect(String(page.body)).toContain(mark);
    expect(panel.read(`${moduleFolder}/module.info`)).toContain('version=99.0.0');
    expect(panel.show(socketUnit, 'ActiveState')).toBe('active');
  });
});

describe('the memory limit', () => {
  beforeAll(() => {
    panel.run('systemctl', 'stop', serviceUnit);
    dropIn(panel, 'MemoryMax=100M\nMemorySwapMax=0\n');
  });

  test('is enforced by the kernel', async () => {
    await panel.requestWarm('plain.example');
    const group = panel.show(serviceUnit, 'ControlGroup');
    const old = `/sys/fs/cgroup/memory${group}/memory.limit_in_bytes`;
    const said = panel.attempt('cat', `/sys/fs/cgroup${group}/memory.max`, old).out.trim();
    expect(Number(said)).toBe(100 * 1024 * 1024);
  });

  test.each(['1.1', '1.0'] as const)(
    'aborts requests in progress at HTTP/%s, so that they do not look complete',
    async (version) => {
      await panel.requestWarm('plain.example');
      const before = panel.mainPid();
      let pending: ReturnType<Panel['request']> | undefined;
      const tooMuch = () => (pending ??= panel.request('/domains/big.example/mailboxes.json'));
      // Over HTTP/1.0 nothing is sent before the file is complete.
      if (version === '1.0') void setTimeout(700).then(tooMuch);
      const { status, complete, body } = await panel.requestWarm('plain.example', '/sheets', {
        version,
        onData: async (bytes) => {
          if (bytes > 1_000_000) void tooMuch();
          await setTimeout(5);
        },
      });
      const other = await pending;
      figure(
        `what is left of a download at HTTP/${version} when memory is out`,
        `${(body.length / 1e6).toFixed(1)} MB, status ${status}`,
      );
      expect([status, complete]).toEqual(version === '1.1' ? [200, false] : [502, null]);
      expect(other?.status).toBe(502);
      expect(panel.mainPid()).not.toBe(before);
    },
  );

  test('leaves a service that answers the next request', async () => {
    const { status, time } = await panel.request('/domains/example.com/mailboxes.json');
    expect(status).toBe(200);
    figure('first answer after memory was out', `${time.toFixed()} ms`);
    expect(panel.run('journalctl', '--no-pager', '-u', serviceUnit)).toMatch(
      /oom-kill|status=9\/KILL/,
    );
    expect(panel.show(socketUnit, 'ActiveState')).toBe('active');
  });
});
