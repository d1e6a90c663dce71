import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { crash, figure, startPanel, type Panel } from './panel';

let panel: Panel;
let before: Listing;

/** For each path the kind, mode, owner, and a hash of the content, or the size if the content varies. */
type Listing = ReadonlyMap<string, string>;

/** Paths that may differ, each with the reason. */
const mayDiffer: readonly (readonly [RegExp, string])[] = [
  [/^\/var\/webmin\//, "the panel's log of requests and errors"],
  [
    /^\/etc\/webmin\/actions$/,
    "the panel's log of actions: what was done with the module stays in it",
  ],
];

beforeAll(async () => {
  panel = await startPanel();
  // The panel is already running.
  await panel.request('/');
  before = list();
  const { code, err } = await panel.install();
  expect([code, err]).toEqual([0, '']);
});

afterAll(() => {
  panel.stop();
});

/** Lists every file on the host's disk, and those under /run that are ours. */
function list(): Listing {
  const format = '%p\\t%y %m %u %g %l %s\\n';
  const found = panel.run('find', '/', '-xdev', '-path', '/opt', '-prune', '-o', '-printf', format);
  const sums = panel.run(
    'sh',
    '-c',
    'find /etc /usr/share/webmin /usr/sbin /usr/local -xdev -type f -exec sha256sum {} +',
  );
  const listing = new Map(
    found
      .trim()
      .split('\n')
      .map((line) => line.split('\t') as [string, string])
      // A folder grows with its names and does not shrink.
      .map(([path, what]) => [path, what.startsWith('d ') ? what.replace(/\d+$/, '') : what]),
  );
  for (const line of sums.trim().split('\n')) {
    const [sum = '', path = ''] = line.split('  ');
    listing.set(path, `${listing.get(path) ?? ''} ${sum}`);
  }
  return listing;
}

/** The differences between two listings that are not allowed. */
function differences(one: Listing, other: Listing): string[] {
  const found: string[] = [];
  for (const path of new Set([...one.keys(), ...other.keys()])) {
    const [was, is] = [one.get(path), other.get(path)];
    if (was === is || mayDiffer.some(([pattern]) => pattern.test(path))) continue;
    found.push(`${path}: ${was ?? 'not there'} → ${is ?? 'not there'}`);
  }
  return found.sort();
}

test('the listing shows an installation', () => {
  const changed = differences(before, list()).map((line) => line.replace(/:.*/, ''));
  for (const path of [
    '/etc/systemd/system/virtualmin-mail-setup.service',
    '/etc/systemd/system/virtualmin-mail-setup.socket',
    '/etc/systemd/system/sockets.target.wants/virtualmin-mail-setup.socket',
    '/etc/webmin/miniserv.users',
    '/etc/webmin/webmin.acl',
    '/etc/webmin/virtual-server/config',
    '/etc/webmin/virtualmin-mail-setup/api-password',
    '/usr/sbin/virtualmin',
    '/usr/share/webmin/virtualmin-mail-setup/index.cgi',
    '/var/lib/private/virtualmin-mail-setup',
  ]) {
    expect(changed).toContain(path);
  }
});

describe('removal', () => {
  beforeAll(async () => {
    // The module has been used: a branding was saved, a file downloaded, and the service has crashed.
    const page = await panel.request('/branding');
    const token = /name="token" value="([^"]+)"/.exec(String(page.body))?.[1] ?? '';
    const saved = await panel.request('/branding', {
      form: { token, version: '', host_name: 'A host' },
    });
    expect(saved.status).toBe(303);
    expect(readdirSync(join(panel.root, 'var/lib/private/virtualmin-mail-setup'))).not.toEqual([]);
    const pdf = await panel.request('/domains/example.com/sheets.pdf');
    expect([pdf.status, pdf.complete]).toEqual([200, true]);
    crash(panel, 'SIGKILL');
    await panel.request('/');
    const begin = performance.now();
    const { code, err } = await panel.uninstall();
    expect([code, err]).toEqual([0, '']);
    figure('the removal', `${(performance.now() - begin).toFixed()} ms`);
  });

  test('leaves no file behind, and none changed', () => {
    expect(differences(before, list())).toEqual([]);
  });

  test('leaves no units', () => {
    expect(panel.run('systemctl', '--failed', '--no-legend', '--plain')).toBe('');
    const ours = '*virtualmin-mail-setup*';
    expect(panel.run('systemctl', 'list-units', '--all', '--no-legend', '--plain', ours)).toBe('');
    expect(panel.attempt('systemctl', 'list-unit-files', '--no-legend', ours).out).toBe('');
    expect(panel.run('systemctl', 'is-system-running').trim()).toBe('running');
  });

  test('leaves no user, process, socket or password', () => {
    expect(panel.attempt('getent', 'passwd', 'virtualmin-mail-setup').out).toBe('');
    expect(panel.attempt('pgrep', '-f', 'virtualmin-mail-setup').out).toBe('');
    expect(existsSync(join(panel.root, 'run/virtualmin-mail-setup.sock'))).toBe(false);
    const left = panel.run('find', '/run', '/tmp', '/var/tmp', '/dev/shm', '-name', '*mail-setup*');
    expect(left).toBe('');
    expect(panel.read('/etc/webmin/miniserv.users')).not.toContain('mail-setup-api');
  });

  test('leaves the panel running', async () => {
    expect((await panel.request('/')).status).toBe(404);
    expect(panel.show('webmin.service', 'ActiveState')).toBe('active');
  });

  test('can be followed by another installation', async () => {
    const { code, err } = await panel.install();
    expect([code, err]).toEqual([0, '']);
    expect((await panel.requestWarm('example.com')).status).toBe(200);
  });
});
