// Brings what the tests need and npm cannot: a Chromium, Perl's `prove`, OpenSSL, Poppler and qpdf to read PDFs,
// systemd's tools, and Dovecot and Postfix for the mail ports. What is installed is not started.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const installed = (command) => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;
const missing = [
  ['chromium', existsSync('/usr/bin/chromium') || process.env.CHROMIUM !== undefined],
  ['perl', installed('prove')],
  ['libnet-ssleay-perl', spawnSync('perl', ['-MNet::SSLeay', '-e1']).status === 0],
  ['openssl', installed('openssl')],
  ['poppler-utils', installed('pdfinfo')],
  ['qpdf', installed('qpdf')],
  ['systemd', installed('systemd-socket-activate')],
  ['dovecot-imapd', existsSync('/usr/lib/dovecot/imap')],
  ['dovecot-pop3d', existsSync('/usr/lib/dovecot/pop3')],
  ['postfix', existsSync('/usr/sbin/postfix')],
].flatMap(([name, there]) => (there ? [] : [name]));

if (missing.length > 0) {
  const install = `apt-get update && apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) {
    console.error(`The tests need ${missing.join(', ')}. On Debian: sudo sh -c '${install}'`);
    console.error('Elsewhere install them and set CHROMIUM to the path of the browser.');
    process.exit(1);
  }
  execFileSync('sh', ['-c', install], {
    stdio: 'inherit',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}
