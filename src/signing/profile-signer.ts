import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Signer } from './signed-data';

/** No profile can be signed with these files; the message says which file is wrong and why. */
export class SignerError extends Error {
  override readonly name = 'SignerError';
}

/** Paths of PEM files: the certificate followed by its chain, and its private key. */
export interface SignerFiles {
  readonly certificate: string;
  readonly key: string;
}

/**
 * Reads the certificate and key each time, because a certificate is renewed while the app runs. Throws
 * SignerError, also for a certificate that is self-signed or not valid at `now` (milliseconds since 1970):
 * devices trust a profile signed with one less than an unsigned profile.
 */
export function readSigner(files: SignerFiles, now: number): Signer {
  const [own, ...others] = certificates(files.certificate);
  if (own === undefined) throw new SignerError(`${files.certificate} holds no certificate in PEM`);
  const key = privateKey(files.key);
  if (!canSignWith(key)) {
    throw new SignerError(`${files.key} must hold a key of RSA, or of EC on P-256, P-384 or P-521`);
  }
  if (!own.checkPrivateKey(key)) {
    throw new SignerError(`${files.key} is not the key of the certificate in ${files.certificate}`);
  }
  if (isSelfSigned(own)) {
    throw new SignerError(
      `${files.certificate} is signed by itself: devices trust a profile signed with it less than one that is not signed`,
    );
  }
  if (now < Date.parse(own.validFrom) || now > Date.parse(own.validTo)) {
    throw new SignerError(
      `${files.certificate} is valid from ${own.validFrom} to ${own.validTo}, and not now`,
    );
  }
  return { key, certificates: [own, ...others.filter((one) => !isSelfSigned(one))] };
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
