import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { decideClientSettings } from '../../src/domain/client-settings';
import { defaultPolicy } from '../../src/settings/settings';
import { clientIds, clientTitle, guideFor, refusals } from '../../src/formats/guides';
import { plainText, richText } from '../../src/texts/rich-text';
import clients from '../../src/guides/clients.json';
import { parseTexts } from '../../src/texts/languages';
import { languages } from '../helpers/languages';
import { bob, exampleCom } from '../helpers/domain';

const folder = join(__dirname, '..', '..', 'src', 'webmin', 'lang');
const read = (code: string) => parseTexts(readFileSync(join(folder, code), 'utf8'));
const english = read('en');
interface ClientWords {
  /** The words on the client's screens by language. */
  readonly words: Readonly<Record<string, readonly string[]>>;
  /** What it says to a wrong user name. */
  readonly refusal?: Readonly<Record<string, string>>;
}

/** For a client that is not run here: by language, the sources of each label of its steps. */
interface SourcedLabels {
  readonly sources: Readonly<Record<string, { readonly title: string; readonly where: string }>>;
  readonly labels: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  /** The labels without a source. */
  readonly unconfirmed: Readonly<Record<string, readonly string[]>>;
  readonly refusal?: Readonly<Record<string, string>>;
  readonly refusalSource?: string;
}

const fixtureOf = (id: string): unknown =>
  JSON.parse(
    readFileSync(join(__dirname, '..', 'fixtures', 'client-labels', `${id}.json`), 'utf8'),
  );
const wordsOf = (id: string) => fixtureOf(id) as ClientWords;
const sourcesOf = (id: string) => fixtureOf(id) as SourcedLabels;

/** The labels that the steps for a client name, for IMAP. */
const labelsIn = ({ id, steps }: { id: string; steps: number }, code: string): string[] =>
  Array.from(
    { length: steps },
    (_, index) => read(code).get(`guide_${id.replaceAll('-', '_')}_${index + 1}`) ?? '',
  )
    .flatMap((step) => [...step.matchAll(/<b>(.*?)<\/b>/g)])
    .map(([, label = '']) => label.replace('{protocol}', 'IMAP').replaceAll('\u00a0', ' '));
/** Sources differ in capitals: Android's texts have some labels in capitals only. */
const unique = (labels: readonly string[]) =>
  [...new Set(labels.map((label) => label.toLowerCase()))].sort();
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

  const inEachLanguage = (chosen: typeof clients) =>
    chosen.flatMap((client) =>
      languages.all.map(({ code }) => ({ id: client.id, code, client }) as const),
    );
  const readOffScreens = clients.filter(({ labels }) => labels === 'read off the screens');
  const notRun = clients.filter(({ labels }) => labels.startsWith('not run: '));

  test.each(inEachLanguage(readOffScreens))(
    'of $id in $code name only what the client shows in that language',
    ({ id, code, client }) => {
      const labels = labelsIn(client, code);
      expect(labels.length).toBeGreaterThan(client.steps);
      expect(wordsOf(id).words[code]).toEqual(expect.arrayContaining(labels));
    },
  );

  test('say of each client where its labels come from', () => {
    const others = clients.filter((one) => !readOffScreens.includes(one) && !notRun.includes(one));
    expect(others.map(({ id, labels }) => [id, labels])).toEqual([
      ['thunderbird-android', 'from strings.xml of its source, in each language'],
      ['other', 'none'],
    ]);
  });

  test.each(inEachLanguage(notRun))(
    'of $id in $code name labels with a source, and the others are known',
    ({ id, code, client }) => {
      const { sources, labels, unconfirmed } = sourcesOf(id);
      const sourced = labels[code] ?? {};
      const known = [...Object.keys(sourced), ...(unconfirmed[code] ?? [])];
      expect(unique(labelsIn(client, code))).toEqual(known.map((one) => one.toLowerCase()).sort());
      for (const [label, from] of Object.entries(sourced)) {
        expect([label, from.filter((source) => source in sources)]).toEqual([label, from]);
        expect(from).not.toEqual([]);
      }
    },
  );

  test.each(notRun)('of $id state how many labels have no source', ({ id, labels }) => {
    const { unconfirmed } = sourcesOf(id);
    const counts = Object.entries(unconfirmed)
      .filter(([, without]) => without.length > 0)
      .map(([code, without]) => `${code} ${without.length}`);
    const [, stated] = labels.split('; not confirmed: ');
    expect(stated).toBe(counts.length === 0 ? undefined : counts.join(', '));
  });

  test.each(notRun)('of $id use each of their sources', ({ id }) => {
    const { sources, labels } = sourcesOf(id);
    const used = Object.values(labels).flatMap((sourced) => Object.values(sourced).flat());
    expect(Object.keys(sources).sort()).toEqual([...new Set(used)].sort());
    for (const { title, where } of Object.values(sources)) {
      expect(title).not.toBe('');
      expect(where).not.toBe('');
    }
  });

  test('quote what clients say to a wrong user name, from their screens or their texts', () => {
    const withWords = clients.filter(({ saysRefusal }) => saysRefusal === true);
    expect(withWords.map(({ id }) => id)).toEqual(['apple-ios', 'apple-mac', 'thunderbird']);
    for (const texts of languages.all) {
      expect(refusals(texts)).toEqual(
        withWords.map(({ id }) => ({
          title: clientTitle(id, texts),
          words: wordsOf(id).refusal?.[texts.code],
        })),
      );
    }
    for (const id of ['apple-ios', 'apple-mac']) {
      const { sources, refusalSource = '' } = sourcesOf(id);
      expect(Object.keys(sources)).toContain(refusalSource);
    }
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
