import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { clientIds } from '../src/formats/guides';
import { settings } from '../src/settings/settings';
import { parseTexts } from '../src/texts/languages';
import { languages } from './helpers/languages';
import { parseXml, type Element } from './helpers/xml';

const root = join(__dirname, '..');
const webmin = join(root, 'src', 'webmin');
const codes = languages.all.map(({ code }) => code);
const read = (...path: string[]) => readFileSync(join(...path), 'utf8');

/** The name that Webmin gives to a file in a language: `file`, `file.de`. */
const inLanguage = (file: string, code: string) => (code === 'en' ? file : `${file}.${code}`);

const helpFile = (name: string, code: string) => `${inLanguage(name, code)}.html`;

const names = readdirSync(join(webmin, 'help'))
  .filter((file) => /^\w+\.html$/.test(file))
  .map((file) => file.replace('.html', ''));

const views = readdirSync(join(root, 'views'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ejs'))
  .map((file) => ({ file, text: read(root, 'views', file) }));

/** The elements of one name, at any depth, as text with one space between words. */
function marked(element: Element, name: string): string[] {
  return element.children.flatMap((child) => [
    ...(child.name === name ? [child.text.replace(/[ \n]+/g, ' ').trim()] : []),
    ...marked(child, name),
  ]);
}

interface Help {
  readonly header: string;
  readonly body: Element;
  /** Pairs of the name of a help page and the text of the link. */
  readonly links: readonly (readonly [string, string])[];
}

function parse(name: string, code: string): Help {
  const text = read(webmin, 'help', helpFile(name, code));
  const [, header = '', body = ''] =
    /^<header>([^<]+)<\/header>\n\n([^]+)\n\n<footer>\n$/.exec(text) ?? [];
  const links = [...body.matchAll(/<a href="(.*?)">([^]*?)<\/a>/g)];
  return {
    header,
    body: parseXml(`<body>${body}</body>`),
    links: links.map(([, to = '', words = '']) => [to, words.replace(/[ \n]+/g, ' ')]),
  };
}

/** The parts of a field of Module Config: its label, and the labels of its choices. */
function fieldsIn(code: string): Map<string, string> {
  const form = parseTexts(read(webmin, inLanguage('config.info', code)));
  return new Map(
    [...form].flatMap(([key, text]) => {
      const [label = '', , ...choices] = text.split(',');
      const labels = choices.map((choice) => choice.replace(/^[^-]*(-tls)?-/, ''));
      return [
        [key, label] as const,
        ...labels.map((one, n) => [`${key} ${String(n)}`, one] as const),
      ];
    }),
  );
}

/** Everything in a language that help may quote, by a key: texts, their strong parts, and fields of Module Config. */
function quotable(code: string): Map<string, string> {
  const found = new Map<string, string>();
  const plain = (text: string) => text.replace(/<\/?b>/g, '').replace(/\s*[:.]$/, '');
  for (const [key, text] of parseTexts(read(webmin, 'lang', code))) {
    found.set(key, plain(text));
    [...text.matchAll(/<b>(.*?)<\/b>/g)].forEach(([, strong = ''], n) =>
      found.set(`${key} strong ${String(n)}`, plain(strong)),
    );
  }
  for (const [key, text] of fieldsIn(code)) found.set(`field ${key}`, text.replace(/\s*:.*/, ''));
  // Words that are the same in every language.
  for (const { text } of views) {
    for (const [, word = ''] of text.matchAll(/>([A-Z]{3,})</g)) found.set(`view ${word}`, word);
  }
  return found;
}

const texts = new Map(codes.map((code) => [code, quotable(code)]));
const textsOf = (code: string) => texts.get(code) ?? new Map<string, string>();

const keysOf = (quote: string, code: string) =>
  [...textsOf(code)].filter(([, text]) => text === quote).map(([key]) => key);

test('every help page is in every language, and in no other', () => {
  const files = names.flatMap((name) => codes.map((code) => helpFile(name, code)));
  expect(readdirSync(join(webmin, 'help')).sort()).toEqual(files.sort());
});

test('every page that the panel shows has a help page', () => {
  const tops = views.filter(({ text }) => text.includes("include('/partials/top'"));
  // The page of sheets is a document of its own.
  const pages = tops.filter(({ text }) => !/partials\/top', \{[^}]*document: true/.test(text));
  expect(pages.length).toBe(tops.length - 1);
  for (const { file, text } of pages) {
    const [, name = ''] = /partials\/top', \{ help: '([a-z_]+)'/.exec(text) ?? [];
    expect([file, names]).toEqual([file, expect.arrayContaining([name])]);
  }
});

test('the document of sheets links to its help page', () => {
  const sheets = views.find(({ file }) => file === 'sheets/top.ejs')?.text ?? '';
  expect(names).toContain(/links\.help\('([a-z_]+)'\)/.exec(sheets)?.[1]);
});

test('every help page is used', () => {
  const named = [
    ...views.flatMap(({ text }) => [...text.matchAll(/\bhelp: '([a-z_]+)'/g)]),
    ...read(webmin, 'usermin', 'panel-lib.pl').matchAll(/'(own_[a-z]+)'/g),
    ...read(webmin, 'bridge-lib.pl').matchAll(/header_options\('([a-z_]+)'\)/g),
  ].map(([, name = '']) => name);
  const linked = names.flatMap((name) => parse(name, 'en').links.map(([to]) => to));
  // Webmin's config.cgi looks for these names.
  const fields = [...parseTexts(read(webmin, 'config.info'))]
    .filter(([, text]) => !text.endsWith(',11'))
    .map(([key]) => `config_${key}`);
  const used = new Set([...named, ...linked, ...fields, 'config_intro']);
  expect([...used].sort()).toEqual(names);
});

const all = names.flatMap((name) => codes.map((code) => [name, code] as const));

describe.each(all)('the help page %s in %s', (name, code) => {
  const { header, body, links } = parse(name, code);
  const english = parse(name, 'en');

  test("has Webmin's structure, and is short", () => {
    expect(header).not.toBe('');
    expect(read(webmin, 'help', helpFile(name, code)).split('\n').length).toBeLessThanOrEqual(27);
    expect(body.text.trim()).toBe('');
    const elements = body.children.map((child) => child.name);
    expect(elements).toEqual(english.body.children.map((child) => child.name));
    expect(new Set(elements)).toEqual(
      new Set(elements.filter((one) => /^(p|ul|ol|pre)$/.test(one))),
    );
  });

  test('begins with a question, or with the label of a field', () => {
    const key = name.replace('config_', '');
    const label = fieldsIn(code).get(key);
    if (label === undefined) expect(header).toMatch(/\?$/);
    else expect(label.slice(0, header.length)).toBe(header);
  });

  test('quotes what the pages say in this language', () => {
    const left = marked(body, 'b');
    expect(left.map((quote) => [quote, keysOf(quote, code).length > 0])).toEqual(
      left.map((quote) => [quote, true]),
    );
    for (const quote of marked(english.body, 'b')) {
      const keys = keysOf(quote, 'en');
      const at = left.findIndex((one) => keys.some((key) => textsOf(code).get(key) === one));
      expect([quote, at]).not.toEqual([quote, -1]);
      left.splice(at, 1);
    }
    expect(left).toEqual([]);
  });

  test('has the same values, and the same names of Webmin and Virtualmin, as the English one', () => {
    expect(marked(body, 'tt').sort()).toEqual(marked(english.body, 'tt').sort());
    expect(marked(body, 'pre')).toEqual(marked(english.body, 'pre'));
    expect(marked(body, 'i').sort()).toEqual(marked(english.body, 'i').sort());
  });

  test('links to help pages with their questions', () => {
    expect(links.map(([to]) => to)).toEqual(english.links.map(([to]) => to));
    for (const [to, words] of links) expect([to, words]).toEqual([to, parse(to, code).header]);
  });
});

describe('values in help pages', () => {
  const bodies = names.map((name) => parse(name, 'en').body);
  const values = bodies.flatMap((body) => marked(body, 'tt'));

  test('commands, documents and units exist', () => {
    const commands = values.flatMap((value) => /^virtualmin ([\w-]+)$/.exec(value)?.[1] ?? []);
    const documents = values.filter((value) => value.startsWith('docs/'));
    const units = values.filter((value) => value.endsWith('.socket'));
    expect([commands.length, documents.length, units.length]).toEqual([2, 2, 1]);
    for (const one of commands)
      expect([one, existsSync(join(webmin, `${one}.pl`))]).toEqual([one, true]);
    for (const one of documents) expect([one, existsSync(join(root, one))]).toEqual([one, true]);
    for (const one of units)
      expect([one, existsSync(join(webmin, 'systemd', one))]).toEqual([one, true]);
  });

  test('keys of settings and names of mail clients are known', () => {
    const lines = bodies.flatMap((body) => marked(body, 'pre')).flatMap((text) => text.split(' '));
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(Object.keys(settings)).toContain(line.replace(/@.*/, ''));
    const listed = marked(parse('config_sheet_clients', 'en').body, 'tt').at(-1)?.split(' ');
    expect(listed?.sort()).toEqual([...clientIds].sort());
  });

  test("the sign beside a user name is the list's", () => {
    const sign = marked(parse('mailboxes', 'en').body, 'tt')[0] ?? '';
    expect(views.find(({ file }) => file === 'partials/mailbox-list.ejs')?.text).toContain(
      `>${sign}<`,
    );
  });

  test('names of Webmin and Virtualmin are those of the texts and documents', () => {
    const known = [
      read(webmin, 'lang', 'en'),
      ...readdirSync(join(root, 'docs'))
        .filter((file) => file.endsWith('.md'))
        .map((file) => read(root, 'docs', file)),
    ].join('\n');
    for (const one of bodies.flatMap((body) => marked(body, 'i'))) expect(known).toContain(one);
  });
});
