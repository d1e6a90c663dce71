import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { autodiscoverRequest } from '../../src/discovery/autodiscover';
import { ask, figure, startPanel, type Panel } from './panel';

const answers = 'virtualmin-mail-setup-answers';
const socket = `/run/${answers}.sock`;
const snapshot = '/var/lib/virtualmin-mail-setup-snapshot/public/snapshot.json';
const config = '/etc/webmin/virtualmin-mail-setup/config';
const question = '/mail/config-v1.1.xml?emailaddress=';

const folder = '/usr/share/webmin/virtualmin-mail-setup';
const perlEnvironment = 'PERL5LIB=/opt/panel WEBMIN_CONFIG=/etc/webmin';

let panel: Panel;

beforeAll(async () => {
  panel = await startPanel();
  await panel.install();
});

afterAll(() => {
  panel.stop();
});

const loginIn = (text: string) => /<username>(.*?)<\/username>/.exec(text)?.[1];

const isActive = (unit: string) => panel.attempt('systemctl', 'is-active', unit).out.trim();

/** Changes the settings, and applies them as the panel does when they are saved. */
function configure(settings: string): void {
  panel.write(config, `${settings}\n`);
  const save = `require WebminCore; WebminCore::foreign_require("virtualmin-mail-setup", "config_info.pl"); virtualmin_mail_setup::config_post_save({}, {})`;
  panel.run('sh', '-c', `cd ${folder} && ${perlEnvironment} exec perl -e '${save}'`);
  expect(panel.read('/etc/webmin/virtualmin-mail-setup/setup-report')).toBe('');
}

describe('the service', () => {
  test('is off at first', () => {
    expect(isActive(`${answers}.socket`)).toBe('inactive');
    expect(panel.attempt('ls', '/var/lib/virtualmin-mail-setup-snapshot').code).not.toBe(0);
  });

  test('answers when the settings are saved', async () => {
    configure('client_answers=login');
    await panel.until('the first snapshot', () => panel.attempt('test', '-e', snapshot).code === 0);
    const begin = performance.now();
    const first = await ask(panel, socket, `${question}bob@example.com`);
    figure('first answer to a mail client', `${(performance.now() - begin).toFixed()} ms`);
    expect([first.status, loginIn(first.text)]).toEqual([200, 'bob.example']);
    const kim = await ask(panel, socket, `${question}kim@dash.example`);
    expect(loginIn(kim.text)).toBe('dash-kim');
    expect((await ask(panel, socket, `${question}kim@other.example`)).status).toBe(404);
  });

  test('takes little memory, measured as systemd and as the kernel count it', async () => {
    await setTimeout(3000);
    const memory = Number(panel.show(`${answers}.service`, 'MemoryCurrent'));
    const pid = panel.show(`${answers}.service`, 'MainPID');
    const own = Number(/RssAnon:\s+(\d+)/.exec(panel.read(`/proc/${pid}/status`))?.[1]);
    const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
    figure('memory of the answers at rest, its own', mb(own * 1024));
    if (memory > 0) figure('the same, as systemd counts it', mb(memory));
    expect(own * 1024).toBeLessThan(40e6);
  });

  test('has the expected rating of systemd', () => {
    const said = panel.run('systemd-analyze', 'security', '--no-pager', `${answers}.service`);
    const level = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(said)?.[1]);
    figure('exposure level of the answers by systemd-analyze', String(level));
    expect(level).toBeLessThanOrEqual(1.5);
  });

  test('sees neither the panel, nor other processes, nor the network', () => {
    const pid = panel.show(`${answers}.service`, 'MainPID');
    const inside = (...command: string[]) =>
      panel.attempt('nsenter', '-t', pid, '-m', '-n', '--', ...command);
    expect(inside('ls', '/etc/webmin').out).toBe('');
    expect(inside('ls', '/var/lib/virtualmin-mail-setup-snapshot').out).toBe('snapshot.json\n');
    expect(inside('cat', '/proc/net/dev').out).not.toMatch(/eth|host0/);
    const environment = panel.read(`/proc/${pid}/environ`);
    expect(environment).not.toMatch(/PASSWORD|VIRTUALMIN_URL/);
  });

  test('its snapshot is closed to other users of the server', () => {
    const other = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] as const;
    expect(panel.attempt(other[0], ...other.slice(1), 'cat', snapshot).code).not.toBe(0);
    expect(panel.read(snapshot)).toContain('"bob":"bob.example"');
    expect(panel.read(snapshot)).not.toMatch(/\$6\$|\$y\$|Müller/);
  });

  test('answers an address that does not exist in the same way, also after a restart', async () => {
    const path = `${question}nobody@example.com`;
    const before = await ask(panel, socket, path);
    expect(loginIn(before.text)).toMatch(/^nobody(\.example)?$/);
    panel.run('systemctl', 'restart', `${answers}.service`);
    expect(await ask(panel, socket, path)).toEqual(before);
  });

  test('keeps the last snapshot while Virtualmin cannot be read', async () => {
    const before = panel.read(snapshot);
    panel.write(config, 'client_answers=login\nimap_port=x\n');
    const { code, err } = panel.attempt('virtualmin', 'refresh-mail-answers');
    expect(code).toBe(1);
    expect(err).toContain('imap_port');
    panel.attempt('systemctl', 'start', 'virtualmin-mail-setup-snapshot.service');
    const log = panel.run(
      'journalctl',
      '-o',
      'cat',
      '-u',
      'virtualmin-mail-setup-snapshot.service',
    );
    expect(log).toContain('imap_port must be a port');
    expect(panel.read(snapshot)).toBe(before);
    expect((await ask(panel, socket, `${question}bob@example.com`)).status).toBe(200);
    configure('client_answers=login');
  });

  test('a snapshot is taken after a mailbox has changed, and another one after a change meanwhile', async () => {
    const inode = () => panel.run('stat', '-c', '%i %Y', snapshot);
    for (let change = 0; change < 2; change++) {
      const before = inode();
      const call = 'virtualmin_mail_setup::mailbox_save({}, {}, {}, 1, {})';
      const load = 'require WebminCore; WebminCore::foreign_require';
      const script = `${load}("virtualmin-mail-setup", "virtual_feature.pl"); ${call}`;
      panel.run('sh', '-c', `cd ${folder} && ${perlEnvironment} exec perl -e '${script}'`);
      await panel.until('a new snapshot', () => inode() !== before);
    }
    expect(panel.attempt('ls', '/var/lib/virtualmin-mail-setup-snapshot').out).toBe('public\n');
  });

  test('many changes one after another do not stop the snapshots', async () => {
    const changed = '/var/lib/virtualmin-mail-setup-snapshot/changed';
    panel.run('sh', '-c', `for i in $(seq 30); do touch ${changed}; sleep 0.4; done`);
    expect(isActive('virtualmin-mail-setup-snapshot.path')).toBe('active');
    const rests = () => isActive('virtualmin-mail-setup-snapshot.service') === 'inactive';
    const noted = () => panel.attempt('test', '-e', changed).code === 0;
    await panel.until('the last one', () => rests() && !noted());
  });

  test('a new snapshot is used at once', async () => {
    panel.write(config, 'client_answers=login\nmail_host=mx.example.net\n');
    panel.run('virtualmin', 'refresh-mail-answers');
    const { text } = await ask(panel, socket, `${question}bob@example.com`);
    expect(text).toContain('<hostname>mx.example.net</hostname>');
    configure('client_answers=login');
  });
});

/** The lines of a document that belong into a web server's configuration. */
function fromTheDocument(first: RegExp): string {
  const document = readFileSync(join(__dirname, '../../docs/answers.md'), 'utf8');
  const blocks = document.split(/\n\n(?! {4})/).flatMap((part) => part.split('\n\n'));
  const block = blocks.find((part) => first.test(part));
  if (block === undefined) throw new Error('not in docs/answers.md');
  return block.replace(/^ {4}/gm, '');
}

describe.each([
  [
    'Apache',
    'apache2',
    () => {
      const lines = fromTheDocument(/^ {4}ProxyPass/);
      panel.write(
        '/etc/apache2/sites-available/000-default.conf',
        `<VirtualHost *:80>\nServerName autoconfig.example.com\nDocumentRoot /var/www/html\n${lines}\n</VirtualHost>\n`,
      );
      panel.run('a2enmod', '-q', 'proxy', 'proxy_http');
    },
  ],
  [
    'nginx',
    'nginx',
    () => {
      const lines = fromTheDocument(/^ {4}location/);
      panel.write(
        '/etc/nginx/sites-available/default',
        `server {\nlisten 127.0.0.1:80;\nserver_name autoconfig.example.com;\nroot /var/www/html;\n${lines}\n}\n`,
      );
    },
  ],
])('behind %s, as docs/answers.md says', (_name, unit, setUp) => {
  beforeAll(() => {
    setUp();
    panel.run('systemctl', 'start', unit);
  });

  afterAll(() => {
    panel.run('systemctl', 'stop', unit);
    // The limits of the next web server's tests begin anew.
    panel.run('systemctl', 'restart', `${answers}.service`);
  });

  const host = { headers: { Host: 'autoconfig.example.com' } };
  const web = '/run/web';

  test.each([
    '/mail/config-v1.1.xml?emailaddress=zoe%40example.com',
    '/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=zoe%40example.com',
  ])('%s', async (path) => {
    const { status, text } = await ask(panel, web, path, host);
    expect([status, loginIn(text)]).toEqual([200, 'zoe.example']);
  });

  test.each(['/autodiscover/autodiscover.xml', '/Autodiscover/Autodiscover.xml'])(
    'POST %s',
    async (path) => {
      const body = autodiscoverRequest('zoe@example.com');
      const headers = {
        ...host.headers,
        'Content-Type': 'text/xml',
        'Content-Length': body.length,
      };
      const { status, text } = await ask(panel, web, path, { method: 'POST', headers }, body);
      expect(status).toBe(200);
      expect(text).toContain('<LoginName>zoe.example</LoginName>');
    },
  );

  test("Apple's profile", async () => {
    const path = '/mail/setup.mobileconfig?emailaddress=zoe%40example.com';
    const { status, text } = await ask(panel, web, path, host);
    expect(status).toBe(200);
    expect(text).toContain('<string>zoe.example</string>');
  });

  test('other paths stay with the web site', async () => {
    const { status, text } = await ask(panel, web, '/mail/other', host);
    expect(status).toBe(404);
    expect(text).not.toContain('There is nothing here.');
  });

  test('the limit counts who asks, whatever the request claims', async () => {
    const statuses: number[] = [];
    for (let count = 0; count < 61; count++) {
      const headers = { ...host.headers, 'X-Forwarded-For': `192.0.2.${count}` };
      statuses.push((await ask(panel, web, `${question}bob@example.com`, { headers })).status);
    }
    expect(statuses.at(-1)).toBe(429);
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(50);
  });
});

test('is gone when the settings say off, and the snapshot with it', () => {
  configure('client_answers=off');
  expect(isActive(`${answers}.socket`)).toBe('inactive');
  expect(panel.attempt('ls', '/etc/systemd/system').out).not.toContain('answers');
  expect(panel.attempt('ls', '/var/lib/virtualmin-mail-setup-snapshot').code).not.toBe(0);
});

test('is gone when the module is removed while it runs', async () => {
  configure('client_answers=login');
  await panel.until('a snapshot', () => panel.attempt('test', '-e', snapshot).code === 0);
  await ask(panel, socket, `${question}bob@example.com`);
  const { err } = await panel.uninstall();
  expect(err).toBe('');
  const { out } = panel.attempt(
    'sh',
    '-c',
    'ls -d /etc/systemd/system/*mail-setup* /var/lib/*mail-setup* /var/lib/private/*mail-setup* /run/*mail-setup*',
  );
  expect(out).toBe('');
});
