import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { NameServers } from '../../../src/discovery/discover';
import { Probes } from '../../../src/probe/probes';
import type { Languages, Texts } from '../../../src/texts/languages';
import { startApp, type TestApp } from '../../helpers/app';
import { languages } from '../../helpers/languages';

/** English with every text in brackets, so that text outside brackets is not in the language files. */
const bracketed: Texts = {
  code: 'en',
  name: '⟦English⟧',
  text: (key) => `⟦${languages.english.text(key)}⟧`,
};

const texts: Languages = { all: [bracketed], english: bracketed, find: () => bracketed };

const nowhere = () => Promise.resolve([]);
const names: NameServers = { mx: nowhere, srv: nowhere };

const folder = mkdtempSync(join(tmpdir(), 'languages-'));
let app: TestApp;

beforeAll(async () => {
  app = await startApp({
    texts,
    brandings: folder,
    probes: new Probes({ resolve: nowhere }),
    discovery: { resolve: nowhere, names },
    mail: {
      from: { name: '', address: 'help@host.example' },
      transport: { kind: 'smtp', host: '127.0.0.1', port: 9 },
    },
  });
  await app.post('/domains/example.com/check').expect(303);
});

afterAll(() => {
  app.close();
  rmSync(folder, { recursive: true });
});

/** The visible text and the accessible attributes of a page, without the texts in brackets. */
function outsideTexts(html: string): string {
  const attributes = [...html.matchAll(/ (?:aria-label|alt|title|placeholder)="([^"]*)"/g)];
  const said = [
    html
      .replace(/<(script|style|svg)[^]*?<\/\1>/g, '')
      // Input and names are the same in every language.
      .replace(/<(code|bdi|time)\b[^>]*>[^<]*<\/\1>/g, '')
      .replace(/<[^>]*class="[^"]*value[^"]*"[^>]*>[^<]*</g, '<')
      .replace(/<[^>]*>/g, ' '),
    ...attributes.map(([, text = '']) => text),
  ].join('\n');
  let rest = said;
  for (let before = ''; before !== rest;) {
    before = rest;
    rest = rest.replace(/⟦[^⟦⟧]*⟧/g, '');
  }
  return rest;
}

/** Names, examples, and words that are the same in every language. */
const known =
  /https?:\S+|[\w.+-]+@[\w.-]+|[\w-]+(?:\.[\w-]+)*\.(?:example|com|org|net)\b|\b(?:Example Hosting|PNG|A4)\b|\b(?:IMAP|POP3|SMTP|SSL|TLS|STARTTLS|JSON|CSV|PDF|ZIP|Virtualmin|Thunderbird|Outlook|HTTP|Letter|GB|MB)\b/g;

function words(html: string): string[] {
  return (
    outsideTexts(html)
      .replace(known, '')
      .match(/\p{L}{3,}/gu) ?? []
  );
}

const bob = '/domains/example.com/mailboxes/bob.example';

describe('every text of a page comes from the language files', () => {
  test.each([
    ['/', []],
    ['/domains/example.com', ['example']],
    [bob, []],
    [`${bob}/discovery`, []],
    ['/domains/example.com/discovery', []],
    ['/domains/example.com/check', []],
    ['/servers', []],
    ['/branding', []],
    ['/domains/example.com/branding', []],
    [`${bob}/send`, []],
    ['/domains/example.com/sheets', []],
    [`${bob}/sheet`, []],
    [`${bob}/settings.txt`, []],
    ['/nowhere', []],
    ['/domains/example.com?sort=password', []],
    ['/domains/nobody.example', []],
  ])('on %s', async (path, ofTheData) => {
    const { text } = await app.get(path);
    expect(words(text).filter((word) => !ofTheData.includes(word))).toEqual([]);
  });
});

test('every text of the page of a mailbox owner comes from the language files', async () => {
  const admin = app.viewer.is;
  app.viewer.is = {
    ...admin,
    user: 'bob.example',
    role: 'mailbox-owner',
    domains: new Set(['example.com']),
  };
  for (const path of ['/', '/nowhere']) expect(words((await app.get(path)).text)).toEqual([]);
  app.viewer.is = admin;
});

test('the errors of a form come from the language files', async () => {
  const answers = [
    await app.post(`${bob}/send`).type('form').send({ to: 'nobody' }).expect(400),
    await app.post(`${bob}/try`).type('form').send({ password: '' }).expect(400),
    await app.post('/branding').type('form').send({ host_colour: 'red', version: '' }).expect(400),
    await app.post('/domains/example.com/sheets').type('form').send({ selected: '1' }).expect(400),
  ];
  for (const { text } of answers) expect(words(text)).toEqual([]);
});

test('a page has the language requested by the browser, and its lang attribute', async () => {
  const own = await startApp();
  const { text } = await own.get('/domains/nobody.example').set('Accept-Language', 'de-AT,en');
  expect(text).toContain('<html lang="de">');
  expect(text).toContain('<h1>Nicht gefunden</h1>');
  const plain = await own.get(`${bob}/settings.txt`).set('Accept-Language', 'nl');
  expect(plain.text).toContain('Gebruikersnaam:');
  expect((await own.get(`${bob}/settings.txt`)).text).toContain('User name:      bob.example');
  own.close();
});
