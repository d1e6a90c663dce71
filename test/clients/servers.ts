import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { mailboxes, type BenchMailbox } from './mailboxes';

/** Debian's Dovecot and Postfix on the standard ports. They run until the namespace ends. */
export interface MailServers {
  /** Puts a message with this word into a mailbox. Returns a function that removes it. */
  readonly deliver: (to: BenchMailbox, word: string) => () => void;
  /** Whether a message with this word arrives in the mailbox within so many seconds. Removes it. */
  readonly arrived: (to: BenchMailbox, word: string, seconds: number) => Promise<boolean>;
  /** How often a user name was accepted and refused since the start, in the servers' own logs. */
  readonly logins: (user: string) => { readonly accepted: number; readonly refused: number };
  /** The last lines of both logs. */
  readonly logged: () => string;
}

const ports = [25, 110, 143, 465, 587, 993, 995];

/** Starts both in the folder, which everybody can enter, with this certificate. */
export async function startMailServers(
  folder: string,
  { certificate, key }: { readonly certificate: string; readonly key: string },
): Promise<MailServers> {
  const at = (name: string) => join(folder, name);
  mkdirSync(at('mail'));
  chmodSync(at('mail'), 0o777);
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  writeFileSync(
    at('users'),
    mailboxes.map((one) => `${one.login}:{PLAIN.B64}${base64(one.password)}\n`).join(''),
  );
  writeFileSync(
    at('addresses'),
    mailboxes.map((one) => `${one.emailAddress} ${one.login}/Maildir/\n`).join(''),
  );
  const dovecotLog = at('dovecot.log');
  writeFileSync(
    at('dovecot.conf'),
    `
base_dir = ${at('run')}
state_dir = ${at('state')}
log_path = ${dovecotLog}
auth_verbose = yes
protocols = imap pop3
listen = 127.0.0.1
ssl = required
ssl_cert = <${certificate}
ssl_key = <${key}
auth_mechanisms = plain login
# Dovecot's default lacks % and +, which Virtualmin puts into logins.
auth_username_chars = abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234567890.-_@%+
# A refusal comes without Dovecot's delays.
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
passdb {
  driver = passwd-file
  args = username_format=%u ${at('users')}
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=${at('mail')}/%u
}
mail_location = maildir:~/Maildir
service auth {
  inet_listener {
    address = 127.0.0.1
    port = 12345
  }
}
`,
  );
  spawn('/usr/sbin/dovecot', ['-F', '-c', at('dovecot.conf')], { stdio: 'inherit' });

  const etc = at('postfix');
  for (const name of ['postfix', 'spool', 'data']) mkdirSync(at(name));
  execFileSync('chown', ['postfix', at('data')]);
  const postfixLog = at('postfix.log');
  const uid = execFileSync('id', ['-u', 'nobody'], { encoding: 'utf8' }).trim();
  const gid = execFileSync('id', ['-g', 'nobody'], { encoding: 'utf8' }).trim();
  writeFileSync(
    join(etc, 'main.cf'),
    `compatibility_level=3.6
queue_directory=${at('spool')}
data_directory=${at('data')}
maillog_file=${postfixLog}
maillog_file_prefixes=${folder}
myhostname=mail.example.com
mydestination=
inet_interfaces=127.0.0.1
inet_protocols=ipv4
alias_maps=
alias_database=
recipient_delimiter=+
virtual_mailbox_domains=example.com
virtual_mailbox_base=${at('mail')}
virtual_mailbox_maps=texthash:${at('addresses')}
virtual_uid_maps=static:${uid}
virtual_gid_maps=static:${gid}
smtpd_tls_cert_file=${certificate}
smtpd_tls_key_file=${key}
smtpd_tls_security_level=may
smtpd_tls_auth_only=yes
smtpd_sasl_type=dovecot
smtpd_sasl_path=inet:127.0.0.1:12345
smtpd_relay_restrictions=permit_sasl_authenticated,reject_unauth_destination
smtpd_error_sleep_time=0
smtpd_client_connection_count_limit=0
`,
  );
  // Postfix waits for 2 s if this file is that new.
  utimesSync(join(etc, 'main.cf'), 0, 0);
  const submission =
    'inet n - n - - smtpd -o smtpd_sasl_auth_enable=yes -o smtpd_client_restrictions=permit_sasl_authenticated,reject';
  writeFileSync(
    join(etc, 'master.cf'),
    `25 inet n - n - - smtpd
587 ${submission} -o smtpd_tls_security_level=encrypt
465 ${submission} -o smtpd_tls_wrappermode=yes
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
virtual unix - n n - - virtual
postlog unix-dgram n - n - 1 postlogd
`,
  );
  execFileSync('/usr/sbin/postfix', ['-c', etc, 'start'], { stdio: 'pipe' });

  const read = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '');
  const logged = () =>
    [dovecotLog, postfixLog].flatMap((path) => read(path).split('\n').slice(-20)).join('\n');
  for (let tries = 0; !(await allListen()); tries++) {
    if (tries === 100) throw new Error(`the mail servers do not listen:\n${logged()}`);
    await setTimeout(100);
  }

  const maildir = (login: string, part: string) => join(at('mail'), login, 'Maildir', part);
  const nobody = (path: string) => execFileSync('chown', ['-R', `${uid}:${gid}`, path]);
  for (const { login } of mailboxes) {
    for (const part of ['new', 'cur', 'tmp']) mkdirSync(maildir(login, part), { recursive: true });
  }
  nobody(at('mail'));
  const holding = (login: string, word: string) =>
    ['new', 'cur']
      .flatMap((part) =>
        readdirSync(maildir(login, part)).map((name) => maildir(login, join(part, name))),
      )
      .filter((path) => read(path).includes(word));
  let delivered = 0;
  const count = (log: string, holds: (line: string) => boolean) =>
    read(log).split('\n').filter(holds).length;

  return {
    logged,
    deliver: ({ login, emailAddress }, word) => {
      const path = maildir(login, `tmp/${Date.now()}.${++delivered}.bench`);
      writeFileSync(
        path,
        `From: Friend <friend@example.com>\nTo: ${emailAddress}\nSubject: ${word}\n` +
          `Date: ${new Date().toUTCString()}\nMessage-ID: <${word}@example.com>\n` +
          `MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\nHello ${word}.\n`,
      );
      nobody(path);
      execFileSync('mv', [path, maildir(login, 'new')]);
      return () => {
        for (const found of holding(login, word)) rmSync(found, { force: true });
      };
    },
    arrived: async ({ login }, word, seconds) => {
      for (let tries = 0; tries <= 10 * seconds; tries++) {
        const found = holding(login, word);
        for (const path of found) rmSync(path, { force: true });
        if (found.length > 0) return true;
        if (seconds > 0) await setTimeout(100);
      }
      return false;
    },
    logins: (user) => ({
      accepted:
        count(dovecotLog, (line) => line.includes(`Login: user=<${user}>`)) +
        count(
          postfixLog,
          (line) => line.includes(', sasl_method=') && line.endsWith(`, sasl_username=${user}`),
        ),
      refused: count(dovecotLog, (line) =>
        line.includes(`auth: Info: passwd-file(${user},127.0.0.1`),
      ),
    }),
  };
}

async function allListen(): Promise<boolean> {
  const listening = ports.map(
    (port) =>
      new Promise<boolean>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => {
          socket.destroy();
          resolve(true);
        });
        socket.on('error', () => {
          resolve(false);
        });
      }),
  );
  return (await Promise.all(listening)).every(Boolean);
}
