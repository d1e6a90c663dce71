// Installs what the tests need and npm cannot install: Chromium, Perl's `prove` and Net::SSLeay, OpenSSL, Poppler and qpdf to
// read PDFs, systemd's tools, Dovecot, Postfix and HAProxy for the mail ports, and fail2ban for its filters. It starts none of them.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { installed, installMissing } from './packages.mjs';

installMissing(
  [
    ['chromium', existsSync('/usr/bin/chromium') || process.env.CHROMIUM !== undefined],
    ['perl', installed('prove')],
    ['libnet-ssleay-perl', spawnSync('perl', ['-MNet::SSLeay', '-e1']).status === 0],
    ['openssl', installed('openssl')],
    ['poppler-utils', installed('pdfinfo')],
    ['qpdf', installed('qpdf')],
    ['systemd', installed('systemd-socket-activate')],
    ['dovecot-imapd', existsSync('/usr/lib/dovecot/imap')],
    ['dovecot-pop3d', existsSync('/usr/lib/dovecot/pop3')],
    ['dovecot-submissiond', existsSync('/usr/lib/dovecot/submission')],
    ['postfix', existsSync('/usr/sbin/postfix')],
    ['haproxy', existsSync('/usr/sbin/haproxy')],
    ['fail2ban', installed('fail2ban-regex')],
  ],
  '\nElsewhere install them and set CHROMIUM to the path of the browser.',
);
