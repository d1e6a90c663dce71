import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { Difference, Endpoint, Result, Weakness } from '../../../src/domain/observation';
import { observationWords } from '../../../src/formats/check-words';
import { parseTexts } from '../../../src/texts/languages';
import { english } from '../../helpers/languages';
import { dovecotRelease } from '../../helpers/mail-ports';

const differences: Readonly<Record<Difference, true>> = {
  'starttls-not-offered': true,
  'starttls-stripped': true,
  'starttls-refused': true,
  'tls-fails': true,
  'no-password-login': true,
  'tls-ends-before': true,
  'other-protocol': true,
  'closes-connection': true,
  silent: true,
  'answers-too-much': true,
};

const results: Readonly<Record<Result['kind'], readonly Result[]>> = {
  proven: [{ kind: 'proven' }],
  differs: (Object.keys(differences) as Difference[]).map((how) => ({ kind: 'differs', how })),
  refused: [{ kind: 'refused' }],
  'timed-out': [{ kind: 'timed-out' }],
  'turned-away': [true, false].map((temporary) => ({ kind: 'turned-away', words: '', temporary })),
  unresolved: [{ kind: 'unresolved' }],
  'certificate-name': [{ kind: 'certificate-name', names: [] }],
  'certificate-expired': [{ kind: 'certificate-expired', until: 0 }],
  'certificate-untrusted': [{ kind: 'certificate-untrusted', reason: 'KEY' }],
  'not-checked': [{ kind: 'not-checked' }],
};

const weaknesses: Readonly<Record<Weakness, true>> = {
  'login-before-tls': true,
  injection: true,
  'challenge-response': true,
  'no-login-mechanism': true,
  'one-family-fails': true,
};

const endpoints: readonly Endpoint[] = [
  { protocol: 'imap', host: 'mail.example.com', port: 143, security: 'starttls' },
  { protocol: 'imap', host: 'mail.example.com', port: 993, security: 'implicit-tls' },
  { protocol: 'submission', host: 'mail.example.com', port: 587, security: 'starttls' },
  { protocol: 'submission', host: 'mail.example.com', port: 465, security: 'implicit-tls' },
];

/** Every remedy, and every text of the app that names Postfix or Dovecot. */
function allWords(): string[] {
  const nothing = { certificate: null, tlsVersion: null, mechanisms: [], addresses: [] };
  const remedies = endpoints.flatMap((endpoint) =>
    Object.values(results)
      .flat()
      .flatMap((result) =>
        observationWords(
          { ...nothing, endpoint, result, weaknesses: Object.keys(weaknesses) as Weakness[] },
          english,
        ),
      ),
  );
  const file = join(__dirname, '..', '..', '..', 'src', 'webmin', 'lang', 'en');
  const texts = parseTexts(readFileSync(file, 'utf8')).values();
  return [...remedies.map(({ remedy }) => remedy), ...texts];
}

/** The names of settings, by the program and its release, such as `Dovecot 2.4`. */
function namesIn(words: readonly string[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const text of words) {
    const parts = text.split(/(Postfix|Dovecot(?: 2\.\d)?)(?=[ ,:\u00a0])/).slice(1);
    for (let index = 0; index < parts.length; index += 2) {
      const names = parts[index + 1]?.match(/\b[a-z0-9]+(?:_[a-z0-9]+)+\b/g) ?? [];
      const program = parts[index] ?? '';
      found.set(program, new Set([...(found.get(program) ?? []), ...names]));
    }
  }
  return found;
}

const output = (program: string, ...options: string[]) =>
  execFileSync(program, options, { encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 });

test('the settings that remedies name exist in the Postfix and the Dovecot that are installed', () => {
  const names = namesIn(allWords());
  expect(names.get('Dovecot')).toContain('auth_username_format');
  expect([...names.keys()].sort()).toEqual(['Dovecot', 'Dovecot 2.3', 'Dovecot 2.4', 'Postfix']);
  for (const [program, named] of names) {
    if (program.includes('2.') && program !== `Dovecot ${dovecotRelease()}`) continue;
    const listed =
      program === 'Postfix'
        ? output('/usr/sbin/postconf', '-d')
        : output('/usr/bin/doveconf', '-d');
    const known = new Set(listed.match(/[a-z0-9]+(?:_[a-z0-9]+)+/g));
    // A filter, which is not among the defaults: see certificates.test.ts.
    if (program === 'Dovecot') known.add('local_name');
    expect(named.size).toBeGreaterThan(0);
    expect([program, [...named].filter((name) => !known.has(name))]).toEqual([program, []]);
  }
});
