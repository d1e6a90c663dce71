import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { followSnapshot } from '../../src/answers/follow-snapshot';
import {
  parseSnapshot,
  SnapshotError,
  snapshotText,
  type SnapshotDomain,
} from '../../src/answers/snapshot';
import { decideServices } from '../../src/domain/client-settings';
import { defaultPolicy } from '../../src/settings/settings';

const { incoming, outgoing } = decideServices('example.com', defaultPolicy);

const domain: SnapshotDomain = {
  answers: 'login',
  incoming,
  outgoing,
  styles: [{ before: '', after: '.example', mailboxes: 1 }],
  logins: { bob: 'bob.example' },
  aliasOf: null,
};

const good = snapshotText(5, { 'example.com': domain });

describe('a snapshot', () => {
  test('is read as it was written', () => {
    const { takenAt, domains } = parseSnapshot(good);
    expect(takenAt).toBe(5);
    const { loginOf, localOf, ...rest } = domains.get('example.com') ?? {};
    expect(rest).toEqual({
      name: 'example.com',
      answers: 'login',
      incoming,
      outgoing,
      styles: domain.styles,
      aliasOf: null,
    });
    expect(loginOf?.('bob')).toBe('bob.example');
    expect(loginOf?.('nobody')).toBeUndefined();
    // MD5 of bob@example.com.
    expect(localOf?.('4b9bb80620f03eb3719e0a061c14283d')).toBe('bob');
  });

  test('of an alias domain has the logins of its target, after its own', () => {
    const { domains } = parseSnapshot(
      snapshotText(0, {
        'example.com': domain,
        'alias.example': { ...domain, logins: { kim: 'kim' }, aliasOf: 'example.com' },
        'lost.example': { ...domain, logins: {}, aliasOf: 'deleted.example' },
      }),
    );
    const alias = domains.get('alias.example');
    expect(['bob', 'kim', 'zoe'].map((one) => alias?.loginOf(one))).toEqual([
      'bob.example',
      'kim',
      undefined,
    ]);
    expect(domains.get('lost.example')?.loginOf('bob')).toBeUndefined();
  });

  const changed = (change: Readonly<Record<string, unknown>>) =>
    JSON.stringify({ format: 1, takenAt: 0, domains: { 'example.com': { ...domain, ...change } } });
  const [service] = incoming;

  test.each([
    ['nothing', ''],
    ['a part', good.slice(0, -1)],
    ['another kind of value', '[]'],
    ['null', 'null'],
    ['another format', good.replace('"format":1', '"format":2')],
    ['no time', good.replace('"takenAt":5', '"takenAt":"5"')],
    ['no domains', '{"format":1,"takenAt":0}'],
    ['a name that is no domain', good.replace('example.com":{', 'no domain":{')],
    ['an unknown choice', changed({ answers: 'off' })],
    ['no servers', changed({ incoming: [] })],
    ['a server without a host', changed({ outgoing: [{ ...service, host: '' }] })],
    ['a port that is a word', changed({ incoming: [{ ...service, port: 'imap' }] })],
    ['no encryption', changed({ incoming: [{ ...service, security: 'plain' }] })],
    ['a service that is not offered', changed({ incoming: [{ ...service, role: 'not-offered' }] })],
    ['a login that is no text', changed({ logins: { bob: null } })],
    ['a style without a count', changed({ styles: [{ before: '', after: '' }] })],
    ['an alias of a number', changed({ aliasOf: 1 })],
  ])('with %s is refused', (_what, text) => {
    expect(() => parseSnapshot(text)).toThrow(SnapshotError);
  });

  test('is refused without words from the file', () => {
    expect(() => parseSnapshot('secret')).toThrow(/^it is not JSON$/);
  });
});

describe('a file that is followed', () => {
  let folder: string;
  let file: string;
  let lines: unknown[];
  let now: number;
  const log = {
    info: () => undefined,
    warn: (values: unknown, words: unknown) => void lines.push([values, words]),
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'mail-setup-snapshot-'));
    file = join(folder, 'snapshot.json');
    lines = [];
    now = 10;
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const follow = () => followSnapshot(file, () => now, log as never);

  function replace(text: string): void {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  }

  test('is read when it comes, and again when it changes', () => {
    const snapshot = follow();
    expect(snapshot()).toBeNull();
    replace(good);
    const first = snapshot();
    expect(first?.takenAt).toBe(5);
    expect(snapshot()).toBe(first);
    replace(good.replace('"takenAt":5', '"takenAt":6'));
    expect(snapshot()?.takenAt).toBe(6);
    // That it was missing at first.
    expect(lines).toEqual([[{ reason: 'ENOENT' }, expect.any(String)]]);
  });

  test('keeps the last good one, and logs once what is wrong with the new one', () => {
    replace(good);
    const snapshot = follow();
    const first = snapshot();
    replace(good.slice(0, 50));
    expect([snapshot(), snapshot()]).toEqual([first, first]);
    rmSync(file);
    expect([snapshot(), snapshot()]).toEqual([first, first]);
    expect(lines).toEqual([
      [{ reason: 'it is not JSON' }, 'snapshot ignored: what was there before stays'],
      [{ reason: 'ENOENT' }, 'snapshot ignored: what was there before stays'],
    ]);
  });

  test('is logged once if it is old, and serves on', () => {
    replace(good);
    const snapshot = follow();
    const first = snapshot();
    now = 5 + 3_600_000;
    expect(snapshot()).toBe(first);
    expect(lines).toEqual([]);
    now++;
    expect([snapshot(), snapshot()]).toEqual([first, first]);
    expect(lines).toEqual([
      [{ takenAt: '1970-01-01T00:00:00.005Z' }, expect.stringContaining('old')],
    ]);
  });
});
