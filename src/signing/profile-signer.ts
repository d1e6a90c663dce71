import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Signer } from './signed-data';

/** No profile can be signed with these files; the message says which file is wrong and why. */
export class SignerError extends Error {
  override readonly name = 'SignerError';
}

/** Paths of PEM files, which may be the same: the certificate with its chain, and its private key. */
export interface SignerFiles {
  readonly certificate: string;
  readonly key: string;
}

/**
 * Reads the certificate and key each time, because a certificate is renewed while the app runs. The
 * certificates may be in any order, and those that do not belong to the chain are left out.
 *
 * Throws SignerError, also for a certificate that is self-signed, lacks its issuer's or is not valid at `now`
 * (milliseconds since 1970): devices trust a profile signed with one less than an unsigned profile.
 */
export function readSigner(files: SignerFiles, now: number): Signer {
  const { certificate: file } = files;
  const all = certificates(file);
  if (all.length === 0) throw new SignerError(`${file} holds no certificate in PEM`);
  const key = privateKey(files.key);
  if (!canSignWith(key)) {
    throw new SignerError(`${files.key} must hold a key of RSA, or of EC on P-256, P-384 or P-521`);
  }
  const own = all.find((one) => one.checkPrivateKey(key));
  if (own === undefined) {
    throw new SignerError(`${files.key} is not the key of the certificate in ${file}`);
  }
  if (isSelfSigned(own)) {
    throw new SignerError(
      `${file} is signed by itself: devices trust a profile signed with it less than one that is not signed`,
    );
  }
  const issuers = issuersOf(own, all);
  if (issuers.length === 0) {
    throw new SignerError(
      `${file} lacks the certificate of the authority that issued it (${oneLine(own.issuer)}): add it. Often the whole chain is in a file of its own, fullchain.pem`,
    );
  }
  const chain = [own, ...issuers.filter((one) => !isSelfSigned(one))] as const;
  for (const { validFrom, validTo, subject } of chain) {
    if (now >= Date.parse(validFrom) && now <= Date.parse(validTo)) continue;
    throw new SignerError(
      `${file}: the certificate of ${oneLine(subject)} is valid from ${validFrom} to ${validTo}, and not now`,
    );
  }
  return { key, certificates: chain };
}

/** The certificate's issuer among `all`, that one's issuer, and so on. */
function issuersOf(certificate: X509Certificate, all: readonly X509Certificate[]) {
  const chain = [certificate];
  for (let last = certificate; ;) {
    const issuer = all.find(
      (one) => !chain.includes(one) && last.checkIssued(one) && last.verify(one.publicKey),
    );
    if (issuer === undefined) return chain.slice(1);
    chain.push(issuer);
    last = issuer;
  }
}

/** A name of a certificate, of which Node.js puts each part on a line of its own. */
function oneLine(name: string): string {
  return name.replaceAll('\n', ', ');
}

/** Node.js's names of P-256, P-384 and P-521. */
const curves = ['prime256v1', 'secp384r1', 'secp521r1'];

function canSignWith({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  return (
    asymmetricKeyType === 'rsa' ||
    (asymmetricKeyType === 'ec' && curves.includes(asymmetricKeyDetails?.namedCurve ?? ''))
  );
}

function isSelfSigned(certificate: X509Certificate): boolean {
  return certificate.verify(certificate.publicKey);
}

function certificates(path: string): X509Certificate[] {
  const pem = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
  const found = read(path).match(pem) ?? [];
  try {
    return found.map((one) => new X509Certificate(one));
  } catch {
    throw new SignerError(`${path} holds a certificate that cannot be read`);
  }
}

function privateKey(path: string): KeyObject {
  const text = read(path);
  try {
    return createPrivateKey(text);
  } catch {
    // Without the cause: it could bring contents of the key's file into a log.
    throw new SignerError(`${path} holds no private key in PEM, or one with a passphrase`);
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new SignerError(`${path} cannot be read (${reason})`);
  }
}
