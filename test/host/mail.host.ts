import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeAuthority, type Authority } from '../helpers/mail-ports';
import { figure, startPanel, type Panel } from './panel';

const password = 'correct horse';
let panel: Panel;
let authority: Authority;

beforeAll(async () => {
  authority = makeAuthority();
  panel = await startPanel();
  setUpMail(panel, authority);
  await panel.install();
});

afterAll(() => {
  panel.stop();
  authority.remove();
});

/** Debian's Dovecot and Postfix on the standard ports, with one mailbox: bob.example. */
function setUpMail({ root, run, write }: Panel, { issue, root: certificate }: Authority): void {
  write('/usr/local/share/ca-certificates/test.crt', certificate);
  run('update-ca-certificates');
  const pair = issue(['mail.example.com']);
  copyFileSync(pair.certificate, join(root, 'etc/ssl/mail.pem'));
  write('/etc/ssl/mail.key', readFileSync(pair.key, 'utf8'), 0o600);
  write('/etc/hosts', '127.0.0.1 localhost panel mail.example.com\n');
  write('/etc/dovecot/users', `bob.example:{PLAIN}${password}\n`);
  write(
    '/etc/dovecot/local.conf',
    `protocols = imap pop3
ssl = required
ssl_cert = </etc/ssl/mail.pem
ssl_key = </etc/ssl/mail.key
disable_plaintext_auth = yes
auth_mechanisms = plain login
passdb {
  driver = passwd-file
  args = username_format=%u /etc/dovecot/users
}
userdb {
  driver = static
  args = uid=mail gid=mail home=/var/mail/%u
}
mail_location = maildir:~/Maildir
first_valid_uid = 1
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0660
    user = postfix
    group = postfix
  }
}
`,
  );
  // Not the system users: each lookup that fails takes some seconds.
  run('sed', '-i', '/auth-system/d', '/etc/dovecot/conf.d/10-auth.conf');
  const settings = [
    ...['smtpd_tls_cert_file=/etc/ssl/mail.pem', 'smtpd_tls_key_file=/etc/ssl/mail.key'],
    ...['smtpd_tls_security_level=may', 'smtpd_tls_auth_only=yes', 'smtpd_sasl_type=dovecot'],
    'myhostname=mail.example.com',
    ...['smtpd_sasl_path=private/auth', 'inet_interfaces=loopback-only', 'mydestination='],
    ...['smtpd_relay_restrictions=permit_sasl_authenticated,reject', 'inet_protocols=ipv4'],
  ];
  run('postconf', '-e', ...settings);
  for (const [service, options] of [
    ['submission', ['smtpd_tls_security_level=encrypt', 'smtpd_sasl_auth_enable=yes']],
    ['submissions', ['smtpd_tls_wrappermode=yes', 'smtpd_sasl_auth_enable=yes']],
  ] as const) {
    run('postconf', '-M', `${service}/inet=${service} inet n - y - - smtpd`);
    run('postconf', '-P', ...options.map((option) => `${service}/inet/${option}`));
  }
  run('systemctl', 'restart', 'dovecot.service', 'postfix.service');
}

test('the service checks every port, and all work', async () => {
  const { status, body, time } = await panel.request('/domains/example.com/check.json');
  expect(status).toBe(200);
  const { services, loginOnPort25 } = JSON.parse(String(body)) as {
    services: { port: number; result: string; certificate: { names: string[] } | null }[];
    loginOnPort25: boolean;
  };
  expect(services.map(({ port, result }) => [port, result])).toEqual(
    [143, 993, 110, 995, 587, 465].map((port) => [port, 'proven']),
  );
  for (const { certificate } of services) expect(certificate?.names).toEqual(['mail.example.com']);
  expect(loginOnPort25).toBe(false);
  figure('check of six mail ports and port 25', `${time.toFixed()} ms`);
});

test('a closed port is reported as refused', async () => {
  panel.run('systemctl', 'stop', 'dovecot.service', 'dovecot.socket');
  const page = await panel.request('/domains/example.com/check');
  const token = /name="token" value="([^"]+)"/.exec(String(page.body))?.[1] ?? '';
  const again = await panel.request('/domains/example.com/check', { form: { token } });
  expect(again.status).toBe(303);
  const { body } = await panel.request('/domains/example.com/check.json');
  const { services } = JSON.parse(String(body)) as { services: { port: number; result: string }[] };
  expect(services.filter(({ result }) => result === 'refused').map(({ port }) => port)).toEqual([
    143, 993, 110, 995,
  ]);
  panel.run('systemctl', 'start', 'dovecot.service');
});

test.each([
  { typed: 'the right password', form: { password }, verdict: 'works-and-address-does-not' },
  { typed: 'a wrong password', form: { password: 'not-this-one' }, verdict: 'password-wrong' },
])('a login test with $typed', async ({ form, verdict }) => {
  const mailbox = '/domains/example.com/mailboxes/bob.example';
  const page = await panel.request(mailbox);
  const token = /name="token" value="([^"]+)"/.exec(String(page.body))?.[1] ?? '';
  const { status, time } = await panel.request(`${mailbox}/try`, { form: { ...form, token } });
  expect(status).toBe(200);
  const lines = panel.run('journalctl', '--no-pager', '-o', 'cat', '-t', 'node').split('\n');
  const [said] = lines.filter((line) => line.includes('login tried')).slice(-1);
  expect(JSON.parse(said ?? '{}')).toMatchObject({ mailbox: 'bob@example.com', verdict });
  // Dovecot and Postfix have logged the login, and the password is in no log.
  const journal = panel.run('journalctl', '--no-pager', '-a');
  expect(journal).not.toContain(form.password);
  expect(journal).toMatch(
    verdict === 'password-wrong'
      ? /auth failed|authentication failed/
      : /imap-login: Login: user=<bob\.example>/,
  );
  figure(`a login tried, ${verdict}`, `${time.toFixed()} ms`);
});
