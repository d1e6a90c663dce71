import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  besideTheLog,
  crash,
  dropIn,
  figure,
  serviceUnit,
  socketUnit,
  startPanel,
  type Panel,
} from './panel';

let panel: Panel;

beforeAll(async () => {
  panel = await startPanel();
  const said = await panel.install();
  if (said.code !== 0 || said.err !== '') throw new Error(`the set-up failed: ${said.err}`);
});

afterAll(() => {
  panel.stop();
});

const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

const milliseconds = (time: number) => `${time.toFixed()} ms`;

describe('through the panel', () => {
  test('a page is inside the panel', async () => {
    const { status, body } = await panel.requestWarm('example.com');
    expect(status).toBe(200);
    expect(String(body)).toMatch(
      /^<panel title="Mail Client Setup">\n<subtitle>example\.com<\/subtitle>[^]*<\/panel>\n$/,
    );
    expect(String(body)).toContain('mailboxes/bob.example');
  });

  test.each(['1.0', '1.1'] as const)('an unknown path is a 404, at HTTP/%s', async (version) => {
    const { status, body } = await panel.request('/domains/nosuch.example', { version });
    expect(status).toBe(404);
    expect(String(body)).toContain('</panel>');
  });

  test('a file of more than 20 MB is complete over HTTP/1.0 and HTTP/1.1', async () => {
    const old = await panel.requestWarm('big.example', '/sheets', { version: '1.0' });
    const now = await panel.requestWarm('big.example', '/sheets', { version: '1.1' });
    expect([old.status, now.status]).toEqual([200, 200]);
    expect(old.body.length).toBeGreaterThan(20_000_000);
    expect([old.complete, now.complete]).toEqual([true, true]);
    // They differ in the time at which they were made.
    const timeless = (body: Buffer) =>
      Buffer.from(
        body.toString('latin1').replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:[\d.]+Z)?/g, ''),
        'latin1',
      );
    expect(hash(timeless(now.body))).toBe(hash(timeless(old.body)));
    expect(String(now.body.subarray(-20))).toContain('</html>');
    for (const [version, answer] of Object.entries({ '1.0': old, '1.1': now })) {
      const size = `${(answer.body.length / 1e6).toFixed(1)} MB`;
      figure(`${size} at HTTP/${version}`, milliseconds(answer.time));
    }
  });
});

describe('the start', () => {
  test('happens at the first request', async () => {
    panel.run('systemctl', 'stop', serviceUnit);
    expect(panel.show(socketUnit, 'ActiveState')).toBe('active');
    expect(panel.mainPid()).toBe(0);
    const cold = await panel.request('/domains/example.com/mailboxes.json');
    expect(cold.status).toBe(200);
    expect(panel.mainPid()).toBeGreaterThan(0);
    const warm: number[] = [];
    for (let count = 0; count < 15; count++) {
      const { status, time } = await panel.request('/domains/example.com/mailboxes.json');
      expect(status).toBe(200);
      warm.push(time);
    }
    warm.sort((a, b) => a - b);
    figure('first answer, of a service that is not running', milliseconds(cold.time));
    figure('the same answer, of one that is (median of 15)', milliseconds(warm[7] ?? NaN));
    // On an idle machine it takes a tenth of that.
    expect(cold.time).toBeLessThan(5_000);
  });

  test('nobody but root can open the socket', () => {
    const { code, err } = panel.attempt(
      ...[
        'setpriv',
        '--reuid=65534',
        '--regid=65534',
        '--clear-groups',
        'perl',
        '-MIO::Socket::UNIX',
      ],
      ...['-e', 'IO::Socket::UNIX->new(Peer => "/run/virtualmin-mail-setup.sock") or die "$!\n"'],
    );
    expect([code, err]).toEqual([13, 'Permission denied\n']);
  });
});

describe('the process', () => {
  const status = (key: string) =>
    new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(panel.read(`/proc/${panel.mainPid()}/status`))?.[1];

  test('has its own user, without capabilities', () => {
    const users = (status('Uid') ?? '').split('\t').map(Number);
    // The range of dynamic users (systemd.exec(5), DynamicUser=).
    for (const user of users) {
      expect(user).toBeGreaterThanOrEqual(61_184);
      expect(user).toBeLessThanOrEqual(65_519);
    }
    expect(new Set(users).size).toBe(1);
    expect(['CapEff', 'CapPrm', 'CapBnd', 'CapAmb'].map(status)).toEqual(
      Array(4).fill('0'.repeat(16)),
    );
    expect([status('NoNewPrivs'), status('Seccomp')]).toEqual(['1', '2']);
  });

  test('alone can read the password', () => {
    const file = `/run/credentials/${serviceUnit}/api-password`;
    const password = panel.read('/etc/webmin/virtualmin-mail-setup/api-password');
    expect(password).toMatch(/^[0-9a-f]{48}$/);
    expect(panel.run('cat', file)).toBe(password);
    const as = (user: number) =>
      panel.attempt('setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups', 'cat', file);
    const own = Number(status('Uid')?.split('\t')[0]);
    expect(as(own).out).toBe(password);
    for (const other of [65_534, 1000, own - 1])
      expect([as(other).code, as(other).out]).toEqual([1, '']);
    const modes = panel.run(
      'stat',
      '-c',
      '%a %U',
      ...['', '/api-password'].map((path) => `/etc/webmin/virtualmin-mail-setup${path}`),
    );
    expect(modes).toBe('700 root\n600 root\n');
    const { code, out } = panel.attempt(
      'setpriv',
      '--reuid=65534',
      '--regid=65534',
      '--clear-groups',
      'cat',
      '/etc/webmin/virtualmin-mail-setup/api-password',
    );
    expect([code, out]).toEqual([1, '']);
  });

  test('shows the password nowhere that others can read', () => {
    const password = panel.read('/etc/webmin/virtualmin-mail-setup/api-password');
    const of = (name: string) =>
      readdirSync(join(panel.root, 'proc'))
        .filter((one) => /^\d+$/.test(one))
        .map((pid) => {
          try {
            return panel.read(`/proc/${pid}/${name}`);
          } catch {
            return '';
          }
        })
        .join('\n');
    const places = {
      'command lines': of('cmdline'),
      environments: of('environ'),
      journal: panel.run('journalctl', '--no-pager', '-a'),
      'what systemd says of the units': panel.run('systemctl', 'show', serviceUnit, socketUnit),
    };
    expect(places['command lines']).toContain('app/server.mjs');
    expect(places.environments).toContain('VIRTUALMIN_PASSWORD_FILE=');
    expect(places.journal).toContain('Started virtualmin-mail-setup.service');
    for (const [place, text] of Object.entries(places))
      expect([place, text.includes(password)]).toEqual([place, false]);
    const { out } = panel.attempt(
      'grep',
      '-rlFs',
      '--devices=skip',
      password,
      '/etc',
      '/usr',
      '/var',
      '/run',
      '/tmp',
      '/root',
      '/opt',
    );
    expect(out.trim().split('\n').sort()).toEqual([
      '/etc/webmin/virtualmin-mail-setup/api-password',
      `/run/credentials/${serviceUnit}/api-password`,
    ]);
  });
});

describe('the sandbox', () => {
  test('has the expected rating of systemd', () => {
    const said = panel.run('systemd-analyze', 'security', '--no-pager', serviceUnit);
    const level = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(said)?.[1]);
    figure('exposure level by systemd-analyze', String(level));
    expect(level).toBeLessThanOrEqual(1.5);
  });

  const state = '/var/lib/private/virtualmin-mail-setup';

  /** The result of each attempt of the probe, by its name. */
  const tried = (text: string) =>
    Object.fromEntries(
      text
        .trim()
        .split('\n')
        .map((line) => line.split('\t') as [string, string]),
    );
  let inside: Readonly<Record<string, string>>;

  test('starts the probe instead of the service', () => {
    copyFileSync(join(__dirname, 'sandbox-probe.pl'), join(panel.root, 'opt/sandbox-probe.pl'));
    panel.run('systemctl', 'stop', serviceUnit);
    dropIn(panel, 'Restart=no\nExecStart=\nExecStart=/usr/bin/perl /opt/sandbox-probe.pl\n');
    panel.attempt('systemctl', 'start', '--wait', serviceUnit);
    // A system call that is not allowed does not kill the process.
    const how = (property: string) => panel.show(serviceUnit, property);
    expect([how('Result'), how('ExecMainCode'), how('ExecMainStatus')]).toEqual([
      'success',
      '1',
      '0',
    ]);
    inside = tried(panel.read(`${state}/probe`));
    for (const file of ['probe', 'virtualmin-mail-setup-probe'])
      rmSync(join(panel.root, state, file));
    dropIn(panel, '');
  });

  test('does not let it read data of others', () => {
    expect(inside).toMatchObject({
      'read /etc/passwd': 'done',
      'read /etc/shadow': 'Permission denied',
      'read /etc/webmin/miniserv.users': 'Permission denied',
      'read /etc/webmin/virtualmin-mail-setup/api-password': 'Permission denied',
      // Other processes are not visible.
      'read /proc/1/cmdline': 'No such file or directory',
      'list /home': 'Permission denied',
      'list /root': 'Permission denied',
    });
  });

  test('lets it write to its state folder and its private temporary folders', () => {
    const written = Object.entries(inside)
      .filter(([name, result]) => name.startsWith('write ') && result === 'done')
      .map(([name]) => name.replace('write ', ''));
    expect(written).toEqual(['/var/tmp', '/tmp', '/var/lib/virtualmin-mail-setup']);
    for (const path of ['/tmp', '/var/tmp']) {
      expect(existsSync(join(panel.root, path, 'virtualmin-mail-setup-probe'))).toBe(false);
    }
  });

  test.each(['/run/lock', '/dev/shm', '/dev/mqueue'])('keeps it from %s', (path) => {
    expect(inside[`write ${path}`]).not.toBe('done');
  });

  test('does not let it do what other processes may', () => {
    expect(inside).toMatchObject({
      'socket AF_INET': 'done',
      'socket AF_INET raw': 'EPERM',
      'socket AF_PACKET': 'Address family not supported by protocol',
      setuid: 'EPERM',
      mount: 'EPERM',
      unshare: 'EPERM',
      personality: 'EPERM',
      pkey_alloc: 'EPERM',
    });
    // Outside the sandbox every process may switch off random addresses; other calls depend on the machine.
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] as const;
    panel.run(...nobody, 'perl', '/opt/sandbox-probe.pl');
    const outside = tried(panel.read('/tmp/probe'));
    expect(outside.personality).toBe('done');
    panel.run(
      'sh',
      '-c',
      'rm -f /tmp/probe /*/virtualmin-mail-setup-probe /*/*/virtualmin-mail-setup-probe',
    );
  });
});

describe('the life of the service', () => {
  const inode = () => statSync(join(panel.root, 'run/virtualmin-mail-setup.sock')).ino;
  const page = () => panel.request('/domains/example.com/mailboxes.json');

  test('ends without requests, and starts again with the next', async () => {
    dropIn(panel, 'Environment=IDLE_TIMEOUT=1\n');
    await page();
    const before = panel.mainPid();
    await panel.until('the service is idle', () => panel.mainPid() === 0);
    expect(panel.show(serviceUnit, 'Result')).toBe('success');
    expect(panel.show(serviceUnit, 'ActiveState')).toBe('inactive');
    expect(panel.show(socketUnit, 'ActiveState')).toBe('active');
    const { status } = await page();
    expect(status).toBe(200);
    expect(panel.mainPid()).not.toBe(before);
    dropIn(panel, '');
  });

  test.each(['SIGKILL', 'SIGSEGV'] as const)('survives %s', async (signal) => {
    await page();
    const [socket, before] = [inode(), panel.mainPid()];
    const restarts = Number(panel.show(serviceUnit, 'NRestarts'));
    crash(panel, signal);
    const { status, time } = await page();
    expect(status).toBe(200);
    figure(`first answer after ${signal}`, milliseconds(time));
    expect(Number(panel.show(serviceUnit, 'NRestarts'))).toBe(restarts + 1);
    expect(panel.mainPid()).not.toBe(before);
    expect(inode()).toBe(socket);
  });

  test('a download that a crash cuts off does not look complete', async () => {
    let killed = false;
    const kill = (bytes: number) => {
      if (killed || bytes < 1_000_000) return;
      killed = true;
      crash(panel, 'SIGKILL');
    };
    const { status, body, complete } = await panel.requestWarm('big.example', '/sheets', {
      onData: kill,
    });
    expect([status, complete]).toEqual([200, false]);
    expect(body.length).toBeGreaterThan(1_000_000);
  });

  test('survives more crashes than the default limit of systemd', async () => {
    const socket = inode();
    for (let count = 0; count < 8; count++) {
      await panel.until(
        'the service runs, or systemd has given up',
        () => panel.mainPid() !== 0 || panel.show(serviceUnit, 'ActiveState') === 'failed',
      );
      crash(panel, 'SIGKILL');
    }
    const { status, time } = await page();
    expect(status).toBe(200);
    figure('first answer after eight crashes', milliseconds(time));
    expect(panel.show(socketUnit, 'ActiveState')).toBe('active');
    expect(inode()).toBe(socket);
  });

  test('writes nothing to the journal but its log', () => {
    expect(besideTheLog(panel)).toEqual([]);
  });

  test('works again after a repair, when its configuration was wrong', async () => {
    panel.run('systemctl', 'stop', serviceUnit);
    dropIn(panel, 'Environment=IDLE_TIMEOUT=never\n');
    const { status, body, time } = await panel.request('/');
    expect([502, 503]).toContain(status);
    expect(String(body)).toContain('virtualmin repair-mail-setup');
    figure('the answer of a service that does not start', milliseconds(time));
    expect(panel.run('journalctl', '--no-pager', '-u', serviceUnit)).toContain(
      'IDLE_TIMEOUT must be',
    );
    dropIn(panel, '');
    const { code, err } = await panel.install();
    expect([code, err]).toEqual([0, '']);
    expect((await page()).status).toBe(200);
  });
});
