import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { BrandingStore, ChangedMeanwhileError } from '../../src/branding/branding-store';
import { noBranding } from '../../src/domain/branding';
import { policiesOf } from '../helpers/settings';
import { Policies } from '../../src/branding/policies';
import { english } from '../helpers/languages';

let folder: string;
let store: BrandingStore;

const server = { kind: 'server' } as const;
const reseller = { kind: 'reseller', name: 'rita' } as const;
const domain = { kind: 'domain', name: 'example.com' } as const;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'brandings-'));
  store = new BrandingStore(join(folder, 'made', 'when', 'needed'), ['en', 'fr']);
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const files = () => readdirSync(store.folder);

test('without a saved branding, read returns none', async () => {
  expect(await store.read(server)).toEqual({
    branding: noBranding,
    texts: {},
    version: '',
    problems: [],
  });
  expect(await store.owners()).toEqual([]);
});

test('a saved branding is read back, and only its owner can open the file', async () => {
  await store.write(server, { host_name: 'Example Hosting', host_colour: '' }, '');
  const { branding, version } = await store.read(server);
  expect(branding).toEqual({ ...noBranding, name: 'Example Hosting' });
  expect(version).not.toBe('');
  expect(files()).toEqual(['server.json']);
  expect(statSync(join(store.folder, 'server.json')).mode & 0o777).toBe(0o600);
  expect(statSync(store.folder).mode & 0o777).toBe(0o700);
});

test('a change based on an outdated version is refused and overwrites nothing', async () => {
  await store.write(server, { host_name: 'One' }, '');
  const { version } = await store.read(server);
  await store.write(server, { host_name: 'Two' }, version);
  await expect(store.write(server, { host_name: 'Three' }, version)).rejects.toThrow(
    ChangedMeanwhileError,
  );
  await expect(store.write(server, { host_name: 'Four' }, '')).rejects.toThrow(
    ChangedMeanwhileError,
  );
  expect((await store.read(server)).branding.name).toBe('Two');
});

test('of several concurrent saves of the same version, exactly one succeeds', async () => {
  const stores = [store, new BrandingStore(store.folder, ['en', 'fr'])];
  const tries = Array.from({ length: 10 }, (_, index) =>
    (stores[index % 2] ?? store).write(server, { host_name: `Host ${index}` }, ''),
  );
  const results = await Promise.allSettled(tries);
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const result of results) {
    if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(ChangedMeanwhileError);
  }
  expect(files()).toEqual(['server.json']);
});

test('fields added by a later release survive a save', async () => {
  await store.write(server, { host_name: 'One' }, '');
  const path = join(store.folder, 'server.json');
  const saved = JSON.parse(readFileSync(path, 'utf8')) as object;
  const later = { ...saved, format: 2, host_song: 'la la' };
  writeFileSync(path, JSON.stringify(later));
  const { branding, problems, version } = await store.read(server);
  expect([branding.name, problems]).toEqual(['One', []]);
  await store.write(server, { host_name: '', support_contact: '555' }, version);
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
    format: 1,
    host_song: 'la la',
    support_contact: '555',
  });
});

test('mail texts are kept by language; each one comes from the nearest branding that has it', async () => {
  const mail = { 'mail_subject.en': 'Hello', 'mail_text.fr': 'Bonjour\n\nà vous' };
  await store.write(server, mail, '');
  await store.write(domain, { 'mail_text.en': 'Dear all' }, '');
  const policies = new Policies(() => policiesOf(''), store);
  const { branding } = await policies.of({ name: 'example.com', reseller: null });
  expect(branding.mail).toEqual({
    en: { subject: 'Hello', text: 'Dear all' },
    fr: { subject: null, text: 'Bonjour\n\nà vous' },
  });
});

describe('a broken branding file', () => {
  test.each(['', '{', '[]', 'null', '"x"', '\0\0', '{"host_name"'])(
    'is named and ignored: %j',
    async (text) => {
      await store.write(server, { host_name: 'One' }, '');
      writeFileSync(join(store.folder, 'server.json'), text);
      const { branding, version, ...read } = await store.read(server);
      const problems = read.problems.map(english.say);
      expect(branding).toEqual(noBranding);
      expect(problems).toEqual([
        `${join(store.folder, 'server.json')} is damaged and is ignored. Save this page to replace it.`,
      ]);
      await store.write(server, { host_name: 'Two' }, version);
      expect((await store.read(server)).branding.name).toBe('Two');
    },
  );

  test('loses only its invalid fields', async () => {
    await store.write(server, { host_name: 'One' }, '');
    const path = join(store.folder, 'server.json');
    writeFileSync(
      path,
      JSON.stringify({
        host_name: 'One',
        host_colour: 'yellow',
        host_logo: 'data:image/png;base64,AAAA',
        support_contact: ['not', 'a', 'text'],
      }),
    );
    const { branding, ...read } = await store.read(server);
    const problems = read.problems.map(english.say);
    expect(branding).toEqual({ ...noBranding, name: 'One' });
    expect(problems).toEqual([
      `${path}: host_logo must be a PNG or an SVG. This value is ignored. Save this page to correct it.`,
      `${path}: host_colour must be a colour such as #14509b. This value is ignored. Save this page to correct it.`,
    ]);
  });
});

test('names with special characters do not lead out of the folder', async () => {
  const evil = { kind: 'reseller', name: '../../etc/passwd' } as const;
  await store.write(evil, { host_name: 'Evil' }, '');
  await store.write({ kind: 'reseller', name: 'renée' }, { host_name: 'Renée' }, '');
  await store.write(domain, { host_name: 'Example' }, '');
  expect(files()).toHaveLength(3);
  for (const stray of ['reseller-%zz.json', 'other-x.json', 'domain-.json', 'server.json.bak']) {
    writeFileSync(join(store.folder, stray), '{}');
  }
  expect(await store.owners()).toHaveLength(3);
  expect(await store.owners()).toEqual(
    expect.arrayContaining([evil, { kind: 'reseller', name: 'renée' }, domain]),
  );
});

describe('precedence of brandings', () => {
  const settings = policiesOf(
    'host_name=File\nsupport_contact=File\nsheet_note=File\nwebmail_url=https://file.example/\n' +
      'sheet_note@example.com=File for one',
  );
  const branding = async (name: string, of: string | null) =>
    (await new Policies(() => settings, store).of({ name, reseller: of })).branding;

  test('domain, file for the domain, reseller, server, general settings file', async () => {
    await store.write(server, { host_name: 'Server', support_contact: 'Server' }, '');
    await store.write(reseller, { host_name: 'Rita', sheet_note: 'Rita' }, '');
    await store.write(domain, { host_name: 'Domain' }, '');
    expect(await branding('example.com', 'rita')).toMatchObject({
      name: 'Domain',
      note: 'File for one',
      supportContact: 'Server',
      webmailUrl: 'https://file.example/',
    });
    expect(await branding('example.org', 'rita')).toMatchObject({ name: 'Rita', note: 'Rita' });
    expect(await branding('example.org', null)).toMatchObject({ name: 'Server', note: 'File' });
  });

  test('without a folder, the settings file alone counts', async () => {
    const policies = new Policies(() => settings, null);
    const policy = await policies.of({ name: 'example.com', reseller: 'rita' });
    expect(policy.branding).toMatchObject({ name: 'File', note: 'File for one' });
  });
});
