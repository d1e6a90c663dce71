import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate chain made by OpenSSL: root, intermediate and signer. */
export interface Chain {
  readonly folder: string;
  /** The root, in PEM. */
  readonly root: string;
  readonly rootKey: string;
  /** The signer and the intermediate, in PEM. */
  readonly certificate: string;
  readonly key: string;
  readonly remove: () => void;
}

/** The `-newkey` argument of OpenSSL for each kind of key. */
export const keyKinds = {
  rsa: ['rsa:2048'],
  'P-256': ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  'P-384': ['ec', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  'P-521': ['ec', '-pkeyopt', 'ec_paramgen_curve:P-521'],
  ed25519: ['ed25519'],
};

/** Makes a chain in its own folder; the signer has a key of `kind` and a certificate for `name`, valid for `days`. */
export function makeChain(kind: keyof typeof keyKinds, days = 30, name = 'signer.example'): Chain {
  const folder = mkdtempSync(join(tmpdir(), 'chain-'));
  const at = (name: string) => join(folder, name);
  writeFileSync(at('ca.ext'), 'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n');
  writeFileSync(
    at('leaf.ext'),
    `basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nsubjectAltName=DNS:${name}\n`,
  );
  const openssl = (...args: string[]) => {
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  };
  const request = (file: string, key: readonly string[]) => {
    openssl(
      ...['req', '-new', '-nodes', '-newkey', ...key, '-subj', `/O=Hosting/CN=${file}`],
      ...['-keyout', `${file}.key`, '-out', `${file}.csr`],
    );
  };
  const sign = (file: string, by: readonly string[], extensions: string, valid: number) => {
    openssl(
      ...['x509', '-req', '-in', `${file}.csr`, '-out', `${file}.pem`, '-days', String(valid)],
      ...[...by, '-extfile', extensions],
    );
  };
  const between = keyKinds['P-256'];
  request('root', between);
  sign('root', ['-signkey', 'root.key'], 'ca.ext', 30);
  request('between', between);
  sign('between', ['-CA', 'root.pem', '-CAkey', 'root.key', '-CAcreateserial'], 'ca.ext', 30);
  request('signer', keyKinds[kind]);
  sign(
    'signer',
    ['-CA', 'between.pem', '-CAkey', 'between.key', '-CAcreateserial'],
    'leaf.ext',
    days,
  );
  copyFileSync(at('signer.pem'), at('chain.pem'));
  appendFileSync(at('chain.pem'), readFileSync(at('between.pem')));
  return {
    folder,
    root: at('root.pem'),
    rootKey: at('root.key'),
    certificate: at('chain.pem'),
    key: at('signer.key'),
    remove: () => {
      rmSync(folder, { recursive: true });
    },
  };
}
