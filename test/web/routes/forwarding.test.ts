import { describe, expect, test } from '@jest/globals';
import { languages } from '../../helpers/languages';
import { pageTexts } from '../../../src/texts/page-texts';
import { useApp } from '../../helpers/use-app';
import { answerUsers, userValues, type Values } from '../../helpers/virtualmin';

const app = useApp();

const at = '/domains/example.com/mailboxes/bob.example';

function forward(...forward_mail_to: readonly string[]): void {
  answerUsers(app.virtualmin, { ...userValues(), forward_mail_to } satisfies Values);
}

/** A page or file without markup, in one line. */
async function read(path: string): Promise<string> {
  const { status, text } = await app.get(path).query({ wait: '1' }).redirects(1);
  expect([path, status]).toEqual([path, 200]);
  return text.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
}

async function jsonOf(path: string): Promise<unknown> {
  return (await app.get(path)).body as unknown;
}

describe('a mailbox that only forwards', () => {
  test('says so on its page, in the list, in JSON and in CSV, with the address', async () => {
    forward('someone@elsewhere.example');
    const page = await read(at);
    expect(page).toContain('This mailbox only forwards its mail, to …@elsewhere.example.');
    expect(page).toContain('Mail is forwarded to: someone@elsewhere.example');
    const list = await read('/domains/example.com');
    expect(list).toContain('bob@example.com only forwards forwards to someone@elsewhere.example');
    expect(await read('/domains/example.com?q=elsewhere')).toContain('bob.example');
    const delivery = { arrives: 'no', forwardsTo: ['someone@elsewhere.example'] };
    expect(await jsonOf('/domains/example.com/mailboxes.json')).toMatchObject({
      mailboxes: [{ delivery }],
    });
    expect(await jsonOf(`${at}/settings.json`)).toMatchObject({
      delivery,
      warnings: ['login-is-not-email-address', 'only-forwards'],
    });
    expect(await read('/domains/example.com/mailboxes.csv')).toMatch(
      /only-forwards,someone@elsewhere\.example/,
    );
  });

  test.each(languages.all.map((one) => [one.code] as const))(
    'has a sheet in %s that says so, and not to whom',
    async (code) => {
      forward('someone@elsewhere.example', 'other@elsewhere.example');
      const sheet = await read(`${at}/sheet?lang=${code}`);
      const { text } = pageTexts(languages.find(code) ?? languages.english);
      expect(sheet).toContain(text('notice_only_forwards', { addresses: '…@elsewhere.example' }));
      expect(sheet).not.toMatch(/someone|other@/);
    },
  );

  test('says it in the text, which is passed on too, without the name', async () => {
    forward('someone@elsewhere.example');
    const text = await read(`${at}/settings.txt`);
    expect(text).toContain('! This mailbox only forwards its mail, to …@elsewhere.example.');
    expect(text).not.toContain('someone');
  });

  test('to many addresses names some of them', async () => {
    const many = Array.from({ length: 500 }, (_, index) => `a${index}@d${index}.example`);
    forward(...many);
    expect(await read(at)).toContain('a9@d9.example, …');
    expect(await read(at)).not.toContain('a10@d10.example');
    expect(await read(`${at}/sheet`)).toContain('…@d0.example, …@d1.example, …@d2.example, …');
    expect(await read('/domains/example.com')).toContain('a2@d2.example and 497 more');
  });
});

test('a mailbox that forwards and keeps the mail has no warning', async () => {
  forward('someone@elsewhere.example', '\\bob.example');
  expect(await read(at)).toContain('A copy of each mail goes to: someone@elsewhere.example');
  expect(await read('/domains/example.com')).toContain('forwards to someone@elsewhere.example');
  expect(await jsonOf(`${at}/settings.json`)).toMatchObject({
    delivery: { arrives: 'yes', forwardsTo: ['someone@elsewhere.example'] },
    warnings: ['login-is-not-email-address'],
  });
  for (const file of ['sheet', 'settings.txt']) {
    expect(await read(`${at}/${file}`)).not.toMatch(/elsewhere|forward/);
  }
});

test.each([
  ['/dev/null', 'receives-nothing', 'receives nothing', 'No mail arrives in this mailbox.'],
  ['BOUNCE', 'receives-nothing', 'receives nothing', 'No mail arrives in this mailbox.'],
  ['|/usr/local/bin/x --key=S3cret', 'may-receive-nothing', 'may receive nothing', null],
])('the destination %s: %s', async (destination, warning, inList, onSheet) => {
  forward(destination);
  expect(await jsonOf(`${at}/settings.json`)).toMatchObject({
    warnings: ['login-is-not-email-address', warning],
  });
  const shown = [await read('/domains/example.com'), await read(at), await read(`${at}/sheet`)];
  expect(shown[0]).toContain(inList);
  expect(shown.join()).not.toContain('S3cret');
  if (onSheet === null) expect(shown[2]).not.toMatch(/no new mail/);
  else expect(shown[2]).toContain(onSheet);
});
