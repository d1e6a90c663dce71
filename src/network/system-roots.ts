import { existsSync, readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';

/** The files with the trusted root certificates on Debian and Ubuntu, and on the RHEL family. */
const rootFiles = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt'];

/** The system's trusted root certificates, or those of Node.js where no such file exists. */
export function systemRoots(): string | string[] {
  const file = rootFiles.find((path) => existsSync(path));
  return file === undefined ? [...rootCertificates] : readFileSync(file, 'utf8');
}
