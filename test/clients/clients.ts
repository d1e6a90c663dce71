import type { Attempt, Client, Service } from './client';
import { cli } from './cli';
import { thunderbird } from './thunderbird';

/** The message to send, with its headers. */
function message({ settings, recipient, sending }: Attempt): string {
  return [
    `From: ${settings.emailAddress}`,
    `To: ${recipient}`,
    `Subject: ${sending}`,
    '',
    `Hello ${sending}.`,
    '',
  ].join('\r\n');
}

const implicit = ({ security }: Service) => security === 'implicit-tls';

/** A text in double quotes, where a backslash escapes. */
const quoted = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;

const curl = ({ settings, password }: Attempt, { security }: Service, url: string) => ({
  // curl's own file of options: a password on the command line would be split at its colon.
  '.curlrc': [
    `url = ${quoted(url)}`,
    `user = ${quoted(`${settings.login}:${password}`)}`,
    ...(security === 'starttls' ? ['ssl-reqd'] : []),
    'silent',
    'show-error',
  ].join('\n'),
});

/** Every client of the bench, in the order of the tables. */
export const clients: readonly Client[] = [
  cli({
    name: 'curl',
    packages: { curl: 'curl' },
    versionCommand: ['curl', '--version'],
    IMAP: (service, attempt) => ({
      files: curl(
        attempt,
        service,
        `${implicit(service) ? 'imaps' : 'imap'}://${service.host}:${service.port}/INBOX;MAILINDEX=*`,
      ),
      command: ['curl'],
    }),
    POP3: (service, attempt) => ({
      files: curl(
        attempt,
        service,
        `${implicit(service) ? 'pop3s' : 'pop3'}://${service.host}:${service.port}/1`,
      ),
      command: ['curl'],
    }),
    SMTP: (service, attempt) => ({
      files: curl(
        attempt,
        service,
        `${implicit(service) ? 'smtps' : 'smtp'}://${service.host}:${service.port}`,
      ),
      command: [
        ...['curl', '--upload-file', '-', '--mail-from', attempt.settings.emailAddress],
        ...['--mail-rcpt', attempt.recipient],
      ],
      input: message(attempt),
    }),
  }),
  cli({
    name: 'mbsync',
    packages: { isync: 'mbsync' },
    versionCommand: ['mbsync', '--version'],
    IMAP: (service, { settings, password }) => ({
      files: {
        '.mbsyncrc': `
IMAPAccount it
Host ${service.host}
Port ${service.port}
SSLType ${implicit(service) ? 'IMAPS' : 'STARTTLS'}
User ${quoted(settings.login)}
Pass ${quoted(password)}

IMAPStore far
Account it

MaildirStore near
Inbox received/inbox
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Create Near
Sync Pull
`,
      },
      command: ['mbsync', '--all'],
    }),
  }),
  cli({
    name: 'msmtp',
    packages: { msmtp: 'msmtp' },
    versionCommand: ['msmtp', '--version'],
    SMTP: (service, attempt) => ({
      files: {
        '.msmtprc': `
account default
host ${service.host}
port ${service.port}
from ${attempt.settings.emailAddress}
auth plain
tls on
tls_starttls ${implicit(service) ? 'off' : 'on'}
user "${attempt.settings.login}"
password "${attempt.password}"
`,
      },
      command: ['msmtp', '--read-recipients'],
      input: message(attempt),
    }),
  }),
  thunderbird,
];
