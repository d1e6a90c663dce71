import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { makeAuthority } from '../helpers/mail-ports';

/** The names in the certificate of the server. */
const certified = [
  ...['mail.example.com', 'autoconfig.example.com', 'example.com'],
  ...['autoconfig.elsewhere.example', 'elsewhere.example'],
];

/**
 * Prepares the network, /etc/hosts and the trusted authorities of this namespace: the only one made here. Returns the
 * paths of the server's certificate and its key.
 */
export function prepareNamespace(folder: string) {
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  const hosts = [...certified, 'mail.elsewhere.example', hostname()];
  writeFileSync(join(folder, 'hosts'), `127.0.0.1 localhost ${hosts.join(' ')}\n`);
  writeFileSync(join(folder, 'resolv.conf'), 'nameserver 127.0.0.1\n');
  for (const name of ['hosts', 'resolv.conf'])
    execFileSync('mount', ['--bind', join(folder, name), join('/etc', name)]);
  const authority = makeAuthority();
  const roots = '/etc/ssl/certs';
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', roots]);
  for (const name of ['bench.pem', 'ca-certificates.crt'])
    writeFileSync(join(roots, name), authority.root);
  execFileSync('openssl', ['rehash', roots], { stdio: 'pipe' });
  return authority.issue(certified);
}
