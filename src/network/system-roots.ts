import { existsSync, readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';

/** Where the supported systems keep their roots: Debian and Ubuntu, then the RHEL family. */
const rootFiles = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt'];

/** The system's trusted roots, or those that Node.js brings where the system has none. */
export function systemRoots(): string | string[] {
  const file = rootFiles.find((path) => existsSync(path));
  return file === undefined ? [...rootCertificates] : readFileSync(file, 'utf8');
}
