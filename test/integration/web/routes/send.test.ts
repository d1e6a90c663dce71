import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleParser } from 'mailparser';
import { readConfig } from '../../../../src/settings/config';
import { masterAdmin, startApp, type TestApp } from '../../../helpers/app';
import { configProblems } from '../../../helpers/config';
import { startMailServer, type TestMailServer } from '../../../helpers/mail-server';
import { textOfPdf } from '../../../helpers/pdf';
import { answerUsers, userValues } from '../../../helpers/virtualmin';
import { policiesOf } from '../../../helpers/settings';

let folder: string;
let mailServer: TestMailServer;
let app: TestApp;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'brandings-'));
  mailServer = await startMailServer();
  app = await startApp({ brandings: folder, mail: mailServer.config });
});

afterEach(async () => {
  app.close();
  await mailServer.close();
  rmSync(folder, { recursive: true });
});

const path = '/domains/example.com/mailboxes/bob.example/send';

const fields = {
  lang: 'en',
  to: 'bob@home.example',
  subject: 'Your mail',
  text: 'Hello Bob,\r\nsee below.',
};

function send(changes: Record<string, string> = {}) {
  return app
    .post(path)
    .type('form')
    .send({ ...fields, ...changes });
}

/** The value of a field of a page's form. */
const valueOf = (html: string, name: string) =>
  new RegExp(`<input [^>]*name="${name}" value="([^"]*)"`).exec(html)?.[1];

const textIn = (html: string) => /<textarea[^>]*>([^<]*)</.exec(html)?.[1];

describe('a sent sheet', () => {
  test('arrives as text and PDF, from the host, with the login', async () => {
    const { status, headers } = await send();
    expect([status, headers.location]).toEqual([303, `${path}?lang=en&sent=bob%40home.example`]);
    expect((await app.get(`${path}?sent=bob%40home.example`)).text).toContain(
      '<strong>Handed to the mail server</strong> for bob@home.example',
    );
    const [{ from, to, mail } = { from: '', to: [], mail: null }] = mailServer.mails;
    expect([from, to]).toEqual(['support@host.example', ['bob@home.example']]);
    expect(mail?.from?.text).toBe('"Example Hosting" <support@host.example>');
    expect(mail?.subject).toBe('Your mail');
    expect(mail?.text).toMatch(/^Hello Bob,\nsee below\.\n\nbob@example\.com\n/);
    expect(mail?.text).toContain('User name: bob.example\nThis is not the e-mail address.');
    expect(mail?.text).toContain('  Server: mail.example.com\n  Port: 143\n  Security: STARTTLS');
    expect(mail?.text).toContain('  Port: 587\n');
    expect(mail?.attachments.map(({ filename, contentType }) => [filename, contentType])).toEqual([
      ['bob@example.com.pdf', 'application/pdf'],
    ]);
    const pdf = await app.get(path.replace('send', 'sheet.pdf')).responseType('blob');
    expect(mail?.attachments[0]?.content).toEqual(pdf.body);
  });

  test('is in the chosen language, text and PDF', async () => {
    const page = (await app.get(`${path}?lang=fr`)).text;
    expect(valueOf(page, 'subject')).toBe('Paramètres pour bob@example.com');
    await send({ lang: 'fr', subject: valueOf(page, 'subject') ?? '', text: textIn(page) ?? '' });
    const [{ mail } = { mail: null }] = mailServer.mails;
    expect(mail?.subject).toBe('Paramètres pour bob@example.com');
    expect(mail?.text).toContain('Le mot de passe n’est pas dans ce message');
    expect(mail?.text).toContain('Nom d’utilisateur : bob.example');
    expect(textOfPdf(mail?.attachments[0]?.content ?? Buffer.alloc(0))).toContain(
      'Nom d’utilisateur',
    );
  });

  test("begins with the host's own text, if there is one", async () => {
    const version = valueOf((await app.get('/branding')).text, 'version') ?? '';
    await app
      .post('/branding')
      .field('version', version)
      .field('mail_subject.en', 'Welcome, {address}')
      .field('mail_text.en', 'Your user name is {login}.\r\n\r\nYours, {sincerely}');
    const page = (await app.get(path)).text;
    expect(valueOf(page, 'subject')).toBe('Welcome, bob@example.com');
    expect(textIn(page)).toBe('Your user name is bob.example.\n\nYours, {sincerely}');
    expect(valueOf((await app.get(`${path}?lang=de`)).text, 'subject')).toBe(
      'Einstellungen für bob@example.com',
    );
  });

  test('is logged with user, mailbox and recipient', async () => {
    await send();
    expect(app.logged()).toMatch(
      /"user":"root","mailbox":"bob@example.com","to":"bob@home.example","msg":"sheet sent"/,
    );
    expect(app.logged()).not.toContain('see below');
  });
});

test("a customer sends the host's text and cannot change it", async () => {
  app.viewer.is = {
    user: 'o',
    role: 'domain-owner',
    domains: new Set(['example.com']),
    may: masterAdmin.may,
  };
  const page = (await app.get(path)).text;
  expect(page).not.toMatch(/name="(subject|text)"/);
  expect(page).toContain('Settings for bob@example.com');
  expect((await send({ subject: 'You have won', text: 'Send money.' })).status).toBe(303);
  const [{ mail } = { mail: null }] = mailServer.mails;
  expect(mail?.subject).toBe('Settings for bob@example.com');
  expect(mail?.text).not.toContain('money');
  expect(mail?.text).toContain('User name: bob.example');
});

describe('a sheet is not sent', () => {
  test.each([
    ['no address', { to: '' }, /Type one e-mail address/],
    ['two addresses', { to: 'a@b.example, c@d.example' }, /Type one e-mail address/],
    ['a path after the address', { to: 'bob@home.example/x' }, /Type one e-mail address/],
    ['a port after the address', { to: 'bob@home.example:25' }, /Type one e-mail address/],
    ['a name with the address', { to: 'Bob <bob@home.example>' }, /Type one e-mail address/],
    ['a header in the address', { to: 'bob@home.example\r\nBcc: x@y.example' }, /Type one e-mail/],
    ['no subject', { subject: ' ' }, /The subject must be one line/],
    ['a header in the subject', { subject: 'x\r\nBcc: x@y.example' }, /The subject must be one/],
    ['a long text', { text: 'x'.repeat(5001) }, /at most 5000 characters/],
  ])('%s: with the reason, and everything typed is kept', async (_what, changes, words) => {
    const { status, text } = await send(changes);
    expect(status).toBe(400);
    expect(text).toMatch(words);
    if (!('text' in changes)) expect(textIn(text)).toBe('Hello Bob,\nsee below.');
    expect(mailServer.mails).toEqual([]);
  });

  test.each(['bob@example.com', 'BOB@example.com'])(
    'to the mailbox itself without confirmation: %s',
    async (to) => {
      const { status, text } = await send({ to });
      expect([status, text]).toEqual([
        400,
        expect.stringContaining('This is the mailbox that the sheet sets up'),
      ]);
      expect(text).toContain('name="to_itself"');
      expect((await send({ to, to_itself: '1' })).status).toBe(303);
      expect(mailServer.mails).toHaveLength(1);
    },
  );

  test('refused by the mail server: shows its message and keeps everything typed', async () => {
    mailServer.refusal = 'Recipient <b>unknown</b>';
    const { status, text } = await send();
    expect(status).toBe(502);
    expect(text).toContain(
      'Not sent.</strong> The mail server did not accept it: 550 Recipient &lt;b&gt;unknown',
    );
    expect(valueOf(text, 'to')).toBe('bob@home.example');
    expect(textIn(text)).toBe('Hello Bob,\nsee below.');
    expect(app.logged()).toContain('"msg":"sheet not sent"');
  });

  test('without a reachable mail server', async () => {
    await mailServer.close();
    const { status, text } = await send();
    expect([status, text]).toEqual([502, expect.stringContaining('ECONNREFUSED')]);
    mailServer = await startMailServer();
  });

  test('for a mailbox that has no sheet', async () => {
    const at = '/domains/example.com/mailboxes/off.example/send';
    expect((await app.get(at)).status).toBe(409);
    expect((await app.post(at).type('form').send(fields)).status).toBe(409);
    expect((await app.get('/domains/example.com/mailboxes/off.example')).text).not.toContain(
      '/send"',
    );
  });

  test('more than 20 times in 15 minutes by one user', async () => {
    for (let sent = 0; sent < 20; sent++) expect((await send()).status).toBe(303);
    const { status, text } = await send();
    expect([status, text]).toEqual([429, expect.stringContaining('You may send 20 sheets in 15')]);
    app.viewer.is = { ...app.viewer.is, user: 'another' };
    expect((await send()).status).toBe(303);
  });

  test('if sending is not configured', async () => {
    app.close();
    app = await startApp({});
    const { status, text } = await app.get(path);
    expect([status, text]).toEqual([404, expect.stringContaining('mail_from')]);
    expect((await app.get('/domains/example.com/mailboxes/bob.example')).text).not.toContain(
      '/send"',
    );
  });
});

test('a forgotten password: the sheet goes to the recovery address from Virtualmin', async () => {
  expect(valueOf((await app.get(path)).text, 'to')).toBe('');
  answerUsers(app.virtualmin, userValues({ recovery_address: 'bob@recovery.example' }));
  app.clock.now += 120_000;
  expect(valueOf((await app.get(path)).text, 'to')).toBe('bob@recovery.example');
});

test("a sheet is sent through the server's own sendmail", async () => {
  const mailFile = join(folder, 'mail');
  const program = join(folder, 'sendmail');
  writeFileSync(program, `#!/bin/sh\nprintf '%s\\n' "$*" > ${mailFile}.args\ncat > ${mailFile}\n`);
  chmodSync(program, 0o755);
  app.close();
  const transport = { kind: 'sendmail', path: program } as const;
  app = await startApp({ mail: { ...mailServer.config, transport } });
  expect((await send()).status).toBe(303);
  expect(readFileSync(`${mailFile}.args`, 'utf8')).toBe(
    '-i -f support@host.example bob@home.example\n',
  );
  const mail = await simpleParser(readFileSync(mailFile));
  expect(mail.text).toContain('User name: bob.example');
  expect(mail.attachments).toHaveLength(1);
});

describe('the configuration of sending', () => {
  const from = (text: string) => policiesOf(`mail_from=${text}`).general.mailFrom;
  const transport = (env: Record<string, string>) => readConfig(env).mailTransport;

  test('needs a sender and a way to send', () => {
    expect(from('')).toBeNull();
    expect(from('help@host.example')).toEqual({ name: '', address: 'help@host.example' });
    const named = { name: 'Hosting, Help', address: 'help@host.example' };
    expect(from('Hosting, Help <help@host.example>')).toEqual(named);
    expect(transport({})).toEqual({ kind: 'sendmail', path: '/usr/sbin/sendmail' });
    expect(transport({ MAIL_TRANSPORT: 'smtp://[::1]:2525' })).toEqual({
      kind: 'smtp',
      host: '::1',
      port: 2525,
    });
    expect(transport({ MAIL_TRANSPORT: 'sendmail:/usr/lib/sendmail' })).toEqual({
      kind: 'sendmail',
      path: '/usr/lib/sendmail',
    });
  });

  test('can differ for one domain', async () => {
    app.close();
    app = await startApp({ settings: 'mail_from@example.com=help@host.example' });
    expect((await app.get(path)).text).toContain('from help@host.example.');
    const other = '/domains/example.org/mailboxes/example-bob/send';
    expect((await app.get(other)).status).toBe(404);
  });

  test.each(['nobody', 'a <b@c.example> <d@e.example>', '"a" <b@c.example>'])(
    'the sender %s is refused',
    (text) => {
      expect(() => from(text)).toThrow('line 1: mail_from must be an e-mail address');
    },
  );

  test.each([
    { MAIL_TRANSPORT: 'smtp://mail.example.com' },
    { MAIL_TRANSPORT: 'smtp://user:pass@127.0.0.1' },
    { MAIL_TRANSPORT: 'sendmail:relative' },
  ])('%j', (env) => {
    expect(configProblems(env)).toEqual([
      expect.stringMatching(/^MAIL_TRANSPORT must be sendmail/),
    ]);
  });
});
