import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Signer } from './signed-data';

/** Files that no profile can be signed with; the message says which and why. */
export class SignerError extends Error {
  override readonly name = 'SignerError';
}

/** The files, in PEM: a certificate with those that vouch for it after it, and its private key. */
export interface SignerFiles {
  readonly certificate: string;
  readonly key: string;
}

/**
 * Reads who signs, anew each time: a certificate is renewed while the app runs. Throws SignerError,
 * also where a device would think less of the signed file than of a bare one: a certificate that
 * only its own key vouches for, or that is not valid at `now` (milliseconds since 1970).
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

/** By the names that Node.js gives them: P-256, P-384 and P-521. */
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
    // Without the cause: nothing of a key's file is for a log.
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
