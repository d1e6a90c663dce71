import { execFileSync } from 'node:child_process';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/settings/config';
import { readSigner } from '../../src/signing/profile-signer';
import { startApp, type TestApp } from '../helpers/app';
import { configProblems } from '../helpers/config';
import { makeChain, type Chain } from '../helpers/certificates';

const path = '/domains/example.com/mailboxes/bob.example/profile.mobileconfig';
const made: Chain[] = [];
let running: TestApp | undefined;

function chain(...options: Parameters<typeof makeChain>): Chain {
  const one = makeChain(...options);
  made.push(one);
  return one;
}

async function download(options: Parameters<typeof startApp>[0]) {
  running = await startApp(options);
  // The certificates are valid from now, so the app's time must be the real time.
  running.clock.now = Date.now();
  const response = await running.get(path).responseType('blob').expect(200);
  return response.body as Buffer;
}

afterEach(() => {
  running?.close();
  running = undefined;
  for (const one of made.splice(0)) one.remove();
});

describe.each(['rsa', 'P-256', 'P-384', 'P-521'] as const)('signed with %s', (kind) => {
  test('OpenSSL verifies the profile against the root only, and returns it unchanged', async () => {
    const profileSigner = chain(kind);
    const bare = await download({});
    running?.close();
    const signed = await download({ profileSigner });

    const file = join(profileSigner.folder, 'signed');
    writeFileSync(file, signed);
    const check = ['cms', '-verify', '-inform', 'DER', '-purpose', 'any', '-in', file];
    const verified = execFileSync('openssl', [...check, '-binary', '-CAfile', profileSigner.root], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    expect(verified).toEqual(bare);

    const changed = Buffer.from(signed);
    changed[changed.indexOf('bob.example')] = 'r'.charCodeAt(0);
    writeFileSync(file, changed);
    expect(() =>
      execFileSync('openssl', [...check, '-CAfile', profileSigner.root], { stdio: 'pipe' }),
    ).toThrow(/digest|verification failure/i);
  });
});

test('signed with RSA, two downloads have the same bytes', async () => {
  const signed = await download({ profileSigner: chain('rsa') });
  const again = await running?.get(path).responseType('blob');
  expect(again?.body).toEqual(signed);
  expect(again?.type).toBe('application/x-apple-aspen-config');
});

test('a signed profile contains no signing time', async () => {
  const profileSigner = chain('rsa');
  const file = join(profileSigner.folder, 'signed');
  writeFileSync(file, await download({ profileSigner }));
  const printed = execFileSync(
    'openssl',
    ['cms', '-cmsout', '-print', '-inform', 'DER', '-in', file],
    {
      encoding: 'utf8',
    },
  );
  expect(printed).toContain('messageDigest');
  expect(printed).not.toContain('signingTime');
});

describe('signing refuses', () => {
  const problemOf = (files: { certificate: string; key: string }, now = Date.now()) => {
    try {
      readSigner(files, now);
    } catch (error) {
      return (error as Error).message;
    }
    return null;
  };

  test('a self-signed certificate', () => {
    const { root, rootKey } = chain('rsa');
    expect(problemOf({ certificate: root, key: rootKey })).toMatch(/is signed by itself/);
  });

  test('the key of another certificate', () => {
    const { certificate, rootKey } = chain('rsa');
    expect(problemOf({ certificate, key: rootKey })).toMatch(/root\.key is not the key of/);
  });

  test('an expired certificate, or one that is not valid yet', () => {
    const files = chain('rsa', 2);
    const day = 86_400_000;
    expect(problemOf(files)).toBeNull();
    expect(problemOf(files, Date.now() + 3 * day)).toMatch(/and not now/);
    expect(problemOf(files, Date.now() - day)).toMatch(/and not now/);
  });

  test('an unsupported kind of key', () => {
    expect(problemOf(chain('ed25519'))).toMatch(/must hold a key of RSA, or of EC/);
  });

  test('files with other content', () => {
    const { certificate, key } = chain('rsa');
    expect(problemOf({ certificate: key, key })).toMatch(/holds no certificate/);
    expect(problemOf({ certificate, key: certificate })).toMatch(/holds no private key/);
    expect(problemOf({ certificate: '/nowhere', key })).toBe('/nowhere cannot be read (ENOENT)');
    writeFileSync(certificate, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    expect(problemOf({ certificate, key })).toMatch(/cannot be read/);
  });

  test('a certificate without its issuer: devices could not verify it', () => {
    const { folder, key } = chain('rsa');
    expect(problemOf({ certificate: join(folder, 'signer.pem'), key })).toMatch(
      /signer\.pem lacks the certificate of the authority that issued it \(O=Hosting, CN=between\)/,
    );
  });

  test('a certificate with the chain of another authority of the same name', () => {
    const { folder, key } = chain('rsa');
    const mixed = join(folder, 'mixed.pem');
    const other = chain('rsa');
    writeFileSync(mixed, readFileSync(join(folder, 'signer.pem'), 'utf8'));
    appendFileSync(mixed, readFileSync(join(other.folder, 'between.pem')));
    expect(problemOf({ certificate: mixed, key })).toMatch(
      /lacks the certificate of the authority/,
    );
  });

  test('a chain with an expired certificate', () => {
    const files = chain('rsa', 60);
    const later = Date.now() + 40 * 86_400_000;
    expect(problemOf(files, later)).toMatch(
      /the certificate of O=Hosting, CN=between is valid from/,
    );
  });
});

describe('the chain of the signer', () => {
  const subjects = (files: { certificate: string; key: string }) =>
    readSigner(files, Date.now()).certificates.map(({ subject }) => subject.split('CN=')[1]);

  /** A file with these files of a chain, one after the other, changed by `change`. */
  const joined = (
    { folder }: Chain,
    names: readonly string[],
    change = (text: string) => text,
  ): string => {
    const file = join(folder, 'joined.pem');
    writeFileSync(
      file,
      change(names.map((name) => readFileSync(join(folder, name), 'utf8')).join('')),
    );
    return file;
  };

  test.each([
    ['in order', ['signer.pem', 'between.pem']],
    ['with the root, which devices have', ['signer.pem', 'between.pem', 'root.pem']],
    ['in the opposite order', ['root.pem', 'between.pem', 'signer.pem']],
    ['twice', ['between.pem', 'signer.pem', 'between.pem', 'signer.pem']],
  ])('%s', (_how, names) => {
    const made = chain('rsa');
    expect(subjects({ certificate: joined(made, names), key: made.key })).toEqual([
      'signer',
      'between',
    ]);
  });

  test('a certificate that does not belong to it is left out', () => {
    const made = chain('rsa');
    const { root } = chain('P-256');
    const certificate = joined(made, ['signer.pem', 'between.pem']);
    appendFileSync(certificate, readFileSync(root));
    expect(subjects({ certificate, key: made.key })).toEqual(['signer', 'between']);
  });

  test.each([
    ['with a byte order mark', (text: string) => `\uFEFF${text}`],
    ["with Windows' line ends", (text: string) => text.replaceAll('\n', '\r\n')],
    ['with words between', (text: string) => text.replace(/^(?=-----BEGIN)/gm, 'subject=CN = x\n')],
  ])('%s, with the key in the same file', (_how, change) => {
    for (const kind of ['rsa', 'P-256'] as const) {
      const made = chain(kind);
      const names = ['signer.key', 'signer.pem', 'between.pem'];
      for (const order of [names, [...names].reverse()]) {
        const file = joined(made, order, change);
        expect(subjects({ certificate: file, key: file })).toEqual(['signer', 'between']);
      }
    }
  });

  test('a key of EC with its parameters before it, as OpenSSL writes it', () => {
    const made = chain('P-256');
    const ec = execFileSync('openssl', ['ec', '-in', made.key], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
    const parameters = execFileSync('openssl', ['ecparam', '-name', 'prime256v1'], {
      encoding: 'utf8',
    });
    writeFileSync(made.key, parameters + ec);
    expect(subjects(made)).toEqual(['signer', 'between']);
  });
});

test('with an expired certificate the profile is unsigned, and the log says so', async () => {
  const profileSigner = chain('rsa', 2);
  running = await startApp({ profileSigner });
  running.clock.now = Date.now() + 3 * 86_400_000;
  const response = await running.get(path).responseType('blob').expect(200);
  expect(String(response.body)).toMatch(/^<\?xml/);
  expect(running.logged()).toMatch(/profile not signed/);
});

describe('the signing configuration', () => {
  test('accepts both files', () => {
    const { certificate, key } = chain('rsa');
    const env = { PROFILE_CERT_FILE: certificate, PROFILE_KEY_FILE: key };
    expect(readConfig(env).profileSigner).toEqual({ certificate, key });
  });

  test('accepts none', () => {
    expect(readConfig({}).profileSigner).toBeNull();
    expect(configProblems({ PROFILE_CERT_FILE: '/a' })).toEqual([
      'PROFILE_KEY_FILE is missing: signing needs both a certificate and its key',
    ]);
    expect(configProblems({ PROFILE_KEY_FILE: '/a' })).toEqual([
      'PROFILE_CERT_FILE is missing: signing needs both a certificate and its key',
    ]);
  });

  test('stops the start if they are invalid', () => {
    const { root, rootKey } = chain('rsa');
    expect(configProblems({ PROFILE_CERT_FILE: root, PROFILE_KEY_FILE: rootKey })[0]).toMatch(
      /^PROFILE_CERT_FILE and PROFILE_KEY_FILE: .*signed by itself/,
    );
  });
});
