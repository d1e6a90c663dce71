import { clawsMail } from './claws-mail';
import type { Attempt, Client, Service } from './client';
import { cli, message } from './cli';
import { evolution } from './evolution';
import { thunderbird } from './thunderbird';

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

/** A text in double quotes for fetchmail, where a backslash and a quote are `\xHH`; digits alone would be decimal. */
const inHex = (text: string) =>
  `"${text.replace(/["\\]/g, (one) => `\\x${one.charCodeAt(0).toString(16)}`)}"`;

function fetchmail(protocol: string, service: Service, { settings, password, home }: Attempt) {
  return {
    files: {
      '.fetchmailrc': [
        `poll ${service.host} protocol ${protocol} port ${service.port}`,
        `  user ${inHex(settings.login)} password ${inHex(password)}`,
        // With a version named, STARTTLS is required.
        `  ${implicit(service) ? 'ssl' : 'sslproto TLS1.2+'}`,
        `  mda "cat >>${home}/received/mbox"`,
      ].join('\n'),
    },
    command: ['fetchmail', '--nodetach', '--fetchall', '--pidfile', `${home}/pid`],
  };
}

function getmail(type: string, service: Service, { settings, password, home }: Attempt) {
  return {
    files: {
      '.getmail/getmailrc': `
[retriever]
type = ${type}
server = ${service.host}
port = ${service.port}
username = ${settings.login}
password = ${password}
ca_certs = /etc/ssl/certs/ca-certificates.crt
[destination]
type = MDA_external
path = /usr/bin/tee
arguments = ("-a", "${home}/received/mbox")
# Root may not deliver otherwise.
allow_root_commands = true
`,
    },
    command: ['getmail'],
  };
}

/** Mutt and its fork. Reading needs a screen, which script(1) gives it. */
function mutt(name: string, packageName: string): Client {
  const inDoubleQuotes = (text: string) => `"${text.replace(/["\\$`]/g, '\\$&')}"`;
  const files = ({ settings, password }: Attempt, lines: readonly string[]) => ({
    '.muttrc': [
      `set from=${inDoubleQuotes(settings.emailAddress)}`,
      'set ssl_starttls=yes ssl_force_tls=yes sleep_time=0 wait_key=no copy=no',
      'set header_cache="" message_cachedir="" record="" abort_unmodified=no',
      ...lines.map((line) => line.replace('PASSWORD', () => inDoubleQuotes(password))),
    ].join('\n'),
  });
  const read = (kind: 'imap' | 'pop', service: Service, attempt: Attempt) => {
    const scheme = implicit(service) ? `${kind}s` : kind;
    return {
      files: files(attempt, [
        `set ${kind}_user=${inDoubleQuotes(attempt.settings.login)}`,
        `set ${kind}_pass=PASSWORD`,
        `set spoolfile="${scheme}://${service.host}:${service.port}"`,
        'push "<last-entry><pipe-message>cat >>received/message<enter><quit>"',
      ]),
      command: ['script', '-qefc', name, '/dev/null'],
      // The answer to its question about a certificate: reject.
      input: 'r',
    };
  };
  return cli({
    name,
    packages: { [packageName]: name, bsdutils: 'script' },
    // Without a screen NeoMutt does not say, even in its log, why it does not send.
    ...(name === 'neomutt' && { saysNoReason: [587, 465] }),
    IMAP: (service, attempt) => read('imap', service, attempt),
    POP3: (service, attempt) => read('pop', service, attempt),
    SMTP: (service, attempt) => {
      const url = `${implicit(service) ? 'smtps' : 'smtp'}://${encodeURIComponent(attempt.settings.login)}@${service.host}:${service.port}`;
      return {
        files: files(attempt, [`set smtp_url="${url}"`, 'set smtp_pass=PASSWORD']),
        command: [name, '-s', attempt.sending, '--', attempt.recipient],
        input: attempt.sending,
      };
    },
  });
}

/** Every client of the bench, in the order of the tables. */
export const clients: readonly Client[] = [
  cli({
    name: 'curl',
    packages: { curl: 'curl' },
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
  cli({
    name: 'mpop',
    packages: { mpop: 'mpop' },
    POP3: (service, attempt) => ({
      files: {
        '.mpoprc': `
account default
host ${service.host}
port ${service.port}
auth user
tls on
tls_starttls ${implicit(service) ? 'off' : 'on'}
user "${attempt.settings.login}"
password "${attempt.password}"
delivery mbox ${attempt.home}/received/mbox
`,
      },
      command: ['mpop'],
    }),
  }),
  cli({
    name: 'fetchmail',
    packages: { fetchmail: 'fetchmail', 'ca-certificates': '/etc/ssl/certs' },
    IMAP: (service, attempt) => fetchmail('imap', service, attempt),
    POP3: (service, attempt) => fetchmail('pop3', service, attempt),
  }),
  cli({
    name: 'getmail',
    packages: { getmail6: 'getmail' },
    // It has no STARTTLS.
    cannotUse: [143, 110],
    IMAP: (service, attempt) => getmail('SimpleIMAPSSLRetriever', service, attempt),
    POP3: (service, attempt) => getmail('SimplePOP3SSLRetriever', service, attempt),
  }),
  cli({
    name: 'offlineimap',
    packages: { offlineimap3: 'offlineimap' },
    // imaplib2 checks nothing at STARTTLS.
    acceptsAnyCertificate: [143],
    IMAP: (service, { settings, password, home }) => ({
      files: {
        '.offlineimaprc': `
[general]
accounts = it
[Account it]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = ${home}/received
[Repository far]
type = IMAP
remotehost = ${service.host}
remoteport = ${service.port}
ssl = ${implicit(service) ? 'yes' : 'no'}
starttls = yes
sslcacertfile = OS-DEFAULT
remoteuser = ${settings.login.replaceAll('%', '%%')}
remotepassfile = ${home}/password
`,
        password,
      },
      command: ['offlineimap', '-o', '-u', 'basic'],
    }),
  }),
  cli({
    name: 'swaks',
    packages: { swaks: 'swaks', 'libnet-ssleay-perl': 'perl' },
    acceptsAnyCertificate: [587, 465],
    SMTP: (service, { settings, password, recipient, sending }) => ({
      command: [
        ...['swaks', '--hide-send', '--server', service.host, '--port', String(service.port)],
        ...[implicit(service) ? '--tls-on-connect' : '--tls', '--auth', 'PLAIN'],
        ...['--auth-user', settings.login, '--auth-password', password],
        ...['--from', settings.emailAddress, '--to', recipient],
        ...['--header', `Subject: ${sending}`, '--body', sending],
      ],
    }),
  }),
  mutt('mutt', 'mutt'),
  mutt('neomutt', 'neomutt'),
  clawsMail,
  evolution,
  thunderbird,
];
