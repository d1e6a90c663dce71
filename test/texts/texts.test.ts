import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { decideClientSettings } from '../../src/domain/client-settings';
import { defaultPolicy } from '../../src/settings/settings';
import { clientIds, guideFor } from '../../src/formats/guides';
import { plainText, richText } from '../../src/texts/rich-text';
import clients from '../../src/guides/clients.json';
import { parseTexts } from '../../src/texts/languages';
import { languages } from '../helpers/languages';
import { bob, exampleCom } from '../helpers/domain';

const folder = join(__dirname, '..', '..', 'src', 'webmin', 'lang');
const read = (code: string) => parseTexts(readFileSync(join(folder, code), 'utf8'));
const english = read('en');
/** The words on a client's screens by language, and what it says to a wrong user name. */
const wordsOf = (id: string) => {
  const file = join(__dirname, '..', 'fixtures', 'client-labels', `${id}.json`);
  return JSON.parse(readFileSync(file, 'utf8')) as {
    words: Record<string, string[]>;
    refusal?: Record<string, string>;
  };
};
const placeholders = (text = '') => [...text.matchAll(/\{\w+\}/g)].map(([name]) => name).sort();

describe.each(readdirSync(folder))('the texts of %s', (code) => {
  const texts = read(code);

  test('have every key, and no other', () => {
    expect([...texts.keys()].sort()).toEqual([...english.keys()].sort());
  });

  test.each([...english.keys()])('%s is not empty and has the same placeholders', (key) => {
    const text = texts.get(key) ?? '';
    expect(text.trim()).not.toBe('');
    expect(placeholders(text)).toEqual(placeholders(english.get(key)));
    expect(text.match(/<b>/g)?.length).toBe(text.match(/<\/b>/g)?.length);
    expect(text.replace(/<\/?b>/g, '')).not.toMatch(/[<>]/);
  });
});

test('a missing text falls back to English', () => {
  const french = languages.find('fr');
  expect(french?.text('sheet_login')).toBe('Nom d’utilisateur');
  expect(() => languages.english.text('no_such_key')).toThrow('no text for no_such_key');
  expect(languages.find('xx')).toBeNull();
});

test('markup is read from texts only, never from their values', () => {
  const spans = richText('a <b>b {x}</b> {x}', { x: '<b>{y}</b>' });
  expect(spans).toEqual([
    { text: 'a ', style: 'plain' },
    { text: 'b ', style: 'strong' },
    { text: '<b>{y}</b>', style: 'strong' },
    { text: ' ', style: 'plain' },
    { text: '<b>{y}</b>', style: 'plain' },
  ]);
  expect(() => richText('{x}')).toThrow('no value for {x}');
});

describe('guides', () => {
  const settings = decideClientSettings(bob, exampleCom, defaultPolicy);

  test.each(clients)('$id states its client, version, date and source', (client) => {
    expect(client.writtenFor).not.toBe('');
    expect(client.writtenOn).toMatch(/^\d{4}-\d\d-\d\d$/);
    expect(client.source).not.toBe('');
    for (const { source, date } of client.warnings) {
      expect(source).not.toBe('');
      expect(date).toMatch(/^\d{4}-\d\d/);
    }
  });

  test.each(languages.all.flatMap((texts) => clientIds.map((id) => [texts.code, id] as const)))(
    'in %s, %s shows the login and the servers of the mailbox',
    (code, id) => {
      const guide = guideFor(id, settings, languages.find(code) ?? languages.english);
      const text = (guide?.steps ?? []).map(plainText).join('\n');
      expect(text).toContain('bob.example');
      if (id === 'other') return;
      expect(text).toContain('mail.example.com');
      const ports = id.startsWith('apple') ? ['993', '465'] : ['143', '587'];
      for (const port of ports) expect(text).toContain(port);
    },
  );

  test.each(languages.all.map(({ code }) => code))(
    'the sheet in %s quotes what Thunderbird says to a wrong user name',
    (code) => {
      const { refusal } = wordsOf('thunderbird');
      expect(read(code).get('sheet_help_login_differs')).toContain(refusal?.[code]);
    },
  );

  const readOffScreens = clients.filter(({ labels }) => labels === 'read off the screens');
  test.each(
    readOffScreens.flatMap(({ id, steps }) =>
      languages.all.map(({ code }) => [id, code, steps] as const),
    ),
  )('of %s in %s name only what the client shows in that language', (id, code, steps) => {
    const file = join(__dirname, '..', 'fixtures', 'client-labels', `${id}.json`);
    const { words } = JSON.parse(readFileSync(file, 'utf8')) as {
      words: Record<string, string[]>;
    };
    const texts = read(code);
    const labels = Array.from({ length: steps }, (_, index) =>
      texts.get(`guide_${id.replaceAll('-', '_')}_${index + 1}`),
    ).flatMap((step = '') => [...step.matchAll(/<b>(.*?)<\/b>/g)].map(([, label]) => label));
    expect(labels.length).toBeGreaterThan(steps);
    expect(words[code]).toEqual(expect.arrayContaining(labels));
  });

  test('warn only for clients reported to reject such a login', () => {
    const { english: texts } = languages;
    expect(guideFor('outlook-new', settings, texts)?.warnings).toHaveLength(1);
    const same = decideClientSettings(
      { ...bob, login: 'bob@example.com' },
      exampleCom,
      defaultPolicy,
    );
    expect(guideFor('outlook-new', same, texts)?.warnings).toEqual([]);
  });

  test('are absent for a client that cannot use what the policy offers', () => {
    const off = { starttls: null, 'implicit-tls': null };
    const pop3 = decideClientSettings(bob, exampleCom, { ...defaultPolicy, imap: off });
    expect(guideFor('outlook-new', pop3, languages.english)).toBeNull();
    expect(guideFor('no-such-client', settings, languages.english)).toBeNull();
    const gmail = guideFor('gmail-android', pop3, languages.english);
    expect(plainText(gmail?.steps[1] ?? [])).toContain('Personal (POP3)');
  });
});
