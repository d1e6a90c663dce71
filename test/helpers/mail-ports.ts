import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';

/** What can be wrong with a certificate. `no alternative name`: it has the common name only. */
export type Fault = 'no alternative name' | 'not valid yet' | 'signed with SHA-1';

/** A certificate authority made by OpenSSL. */
export interface Authority {
  /** Its certificate, in PEM. */
  readonly root: string;
  /** The paths of a certificate for these names and of its key; with negative `days` it has expired. */
  readonly issue: (
    names: readonly string[],
    days?: number,
    newKey?: readonly string[],
  ) => { certificate: string; key: string };
  /** The same for one name, with a fault. */
  readonly issueFaulty: (name: string, fault: Fault) => { certificate: string; key: string };
  /** The same, self-signed. */
  readonly selfSigned: (name: string) => { certificate: string; key: string };
  readonly remove: () => void;
}

const day = 24 * 60 * 60_000;

export function makeAuthority(): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'authority-'));
  const openssl = (...args: string[]) => {
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  };
  const p256 = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  const request = (
    name: string,
    subject: string,
    extra: readonly string[] = [],
    newKey: readonly string[] = p256,
  ) => {
    openssl(
      'req',
      '-new',
      '-nodes',
      '-newkey',
      ...newKey,
      '-subj',
      `/CN=${subject}`,
      '-keyout',
      `${name}.key`,
      ...extra,
    );
  };
  request('root', 'Test root', ['-x509', '-days', '30', '-out', 'root.pem']);
  writeFileSync(join(folder, 'index.txt'), '');
  const path = (name: string) => ({
    certificate: join(folder, `${name}.pem`),
    key: join(folder, `${name}.key`),
  });
  let count = 0;
  const sign = (
    names: readonly string[],
    {
      from = -60,
      days = 30,
      newKey = p256 as readonly string[],
      digest = 'sha256',
      extension = true,
    },
  ) => {
    const name = `server${++count}`;
    request(name, names[0] ?? '', ['-out', `${name}.csr`], newKey);
    writeFileSync(
      join(folder, `${name}.cnf`),
      [
        '[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\nnew_certs_dir=.\nrand_serial=yes',
        `default_md=${digest}\npolicy=any\nunique_subject=no\n[any]\ncommonName=supplied`,
        `[none]\nbasicConstraints=CA:FALSE\n[names]`,
        `subjectAltName=${names.map((one) => `DNS:${one}`).join(',')}`,
      ].join('\n'),
    );
    const time = (inDays: number) =>
      new Date(Date.now() + inDays * day).toISOString().replace(/[-:T]|\.\d+/g, '');
    openssl(
      ...['ca', '-batch', '-notext', '-config', `${name}.cnf`],
      ...['-extensions', extension ? 'names' : 'none', '-cert', 'root.pem'],
      ...['-keyfile', 'root.key', '-in', `${name}.csr`, '-out', `${name}.pem`],
      ...['-startdate', time(from), '-enddate', time(days)],
    );
    return path(name);
  };
  return {
    root: readFileSync(join(folder, 'root.pem'), 'utf8'),
    issue: (names, days = 30, newKey = p256) => sign(names, { days, newKey }),
    issueFaulty: (name, fault) =>
      sign([name], {
        ...(fault === 'no alternative name' && { extension: false }),
        ...(fault === 'not valid yet' && { from: 1 }),
        ...(fault === 'signed with SHA-1' && { digest: 'sha1' }),
      }),
    selfSigned(name) {
      const file = `self${++count}`;
      const names = ['-addext', `subjectAltName=DNS:${name}`];
      request(file, name, ['-x509', '-days', '30', '-out', `${file}.pem`, ...names]);
      return path(file);
    },
    remove: () => {
      rmSync(folder, { recursive: true });
    },
  };
}

/** Listens on a port as long as this process lives; whether that was possible. */
function take(port: number, address: string): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer().unref();
    server.once('error', () => {
      resolve(null);
    });
    server.listen(port, address, () => {
      resolve(server);
    });
  });
}

/** An address on which no server listens. Whoever listens on a port of it has reserved that port of 127.0.0.1. */
const reservations = '127.0.0.99';

/**
 * Ports on loopback that are free now, and that no other call returns, in this process or in another. They are
 * below Linux's range of automatic ports, so that no concurrent test takes one before it is used.
 */
export async function freePorts(count: number): Promise<number[]> {
  const found: number[] = [];
  for (let port = 10_000 + randomInt(20_000); found.length < count; port++) {
    const reservation = await take(port, reservations);
    if (reservation === null) continue;
    const server = await take(port, '127.0.0.1');
    if (server === null) {
      reservation.close();
      continue;
    }
    await new Promise((resolve) => server.close(resolve));
    found.push(port);
  }
  return found;
}

/** Waits until each port accepts connections, and Dovecot's login service for Postfix answers. */
export async function untilReady(
  ports: readonly number[],
  auth: number,
  log: () => string,
): Promise<void> {
  const reaches = (port: number, event: 'connect' | 'data') =>
    new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.setTimeout(2_000, () => socket.destroy());
      socket.once(event, () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('close', () => {
        resolve(false);
      });
      socket.on('error', () => undefined);
    });
  for (let tries = 0; tries < 200; tries++) {
    const listening = ports.map((port) => reaches(port, 'connect'));
    if ((await Promise.all([...listening, reaches(auth, 'data')])).every(Boolean)) return;
    await setTimeout(50);
  }
  throw new Error(`the mail server does not listen: ${log()}`);
}

/** The standard ports, which tests use as names. */
export type StandardPort = 25 | 110 | 143 | 465 | 587 | 993 | 995;

/** Debian's Dovecot and Postfix on loopback, with mailboxes by login and password. */
export interface MailPorts {
  /** The actual port for a standard port. */
  readonly portOf: (port: number) => number;
  /** What they have logged, as in the files that fail2ban reads. */
  readonly logged: () => { readonly dovecot: string; readonly postfix: string };
  readonly close: () => void;
}

/** The paths of a certificate and its key. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

function folderFor(
  program: string,
  path: string,
): { folder: string; at: (name: string) => string } {
  if (!existsSync(path)) throw new Error(`not installed: ${path}`);
  const folder = mkdtempSync(join(tmpdir(), `${program}-`));
  chmodSync(folder, 0o755);
  return { folder, at: (name) => join(folder, name) };
}

/** Removes a folder, also while a program that was just stopped still writes into it. */
function removeFolder(folder: string): void {
  for (let tries = 1; ; tries++) {
    try {
      rmSync(folder, { recursive: true, force: true });
      return;
    } catch (error) {
      if (tries === 20) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    }
  }
}

const readLog = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

/** Releases of Dovecot whose configurations are written differently: Debian 12's and Debian 13's. */
export type DovecotRelease = '2.3' | '2.4';

/** Settings for each release, or the same for both. */
export type DovecotSettings = string | Readonly<Record<DovecotRelease, string>>;

let installed: DovecotRelease | undefined;

/** The release of the Dovecot that is installed. */
export function dovecotRelease(): DovecotRelease {
  if (installed === undefined) {
    const version = execFileSync('/usr/sbin/dovecot', ['--version'], { encoding: 'utf8' });
    const [release = ''] = /^\d+\.\d+/.exec(version) ?? [];
    if (release !== '2.3' && release !== '2.4') throw new Error(`unknown Dovecot ${version}`);
    installed = release;
  }
  return installed;
}

/** Dovecot's settings for a certificate. */
export function dovecotCertificate({ certificate, key }: Certificate): string {
  return {
    '2.3': `ssl_cert = <${certificate}\nssl_key = <${key}\n`,
    '2.4': `ssl_server_cert_file = ${certificate}\nssl_server_key_file = ${key}\n`,
  }[dovecotRelease()];
}

/** What Dovecot's configuration begins with: its version, who may log in, and where mail is. */
function dovecotBeginning(at: (name: string) => string): string {
  return {
    '2.3': `
disable_plaintext_auth = yes
passdb {
  driver = passwd-file
  args = username_format=%u ${at('users')}
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=${at('mail')}/%u
}
mail_location = maildir:~/Maildir
`,
    '2.4': `
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
auth_allow_cleartext = no
passdb passwd-file {
  passwd_file_path = ${at('users')}
  auth_username_format = %{user}
}
userdb static {
  fields {
    uid = nobody
    gid = nogroup
    home = ${at('mail')}/%{user}
  }
}
mail_driver = maildir
mail_path = ~/Maildir
`,
  }[dovecotRelease()];
}

/** Where Dovecot listens for Postfix's logins. */
function dovecotAuthListener(port: number): string {
  return {
    '2.3': `inet_listener {\n    address = 127.0.0.1\n    port = ${port}\n  }`,
    '2.4': `inet_listener postfix {\n    listen = 127.0.0.1\n    port = ${port}\n  }`,
  }[dovecotRelease()];
}

/** A running Dovecot. */
export interface Dovecot {
  readonly ports: Readonly<Record<110 | 143 | 465 | 587 | 993 | 995, number>>;
  /** The port of its login service, for Postfix. */
  readonly auth: number;
  readonly logged: () => string;
  readonly close: () => void;
}

/**
 * Starts Dovecot for IMAP and POP3 with this certificate. `settings` comes last in its configuration. Needs
 * root, as it does.
 */
export async function startDovecot(
  certificate: Certificate,
  users: Readonly<Record<string, string>> = {},
  settings: DovecotSettings = '',
): Promise<Dovecot> {
  const { folder, at } = folderFor('dovecot', '/usr/sbin/dovecot');
  const [imap = 0, imaps = 0, pop3 = 0, pop3s = 0, submission = 0, submissions = 0, auth = 0] =
    await freePorts(7);
  const lines = Object.entries(users).map(([login, password]) => `${login}:{PLAIN}${password}\n`);
  writeFileSync(at('users'), lines.join(''), { mode: 0o644 });
  mkdirSync(at('mail'), { mode: 0o777 });
  chmodSync(at('mail'), 0o777);
  writeFileSync(
    at('dovecot.conf'),
    `${dovecotBeginning(at)}
base_dir = ${at('run')}
state_dir = ${at('state')}
log_path = ${at('dovecot.log')}
protocols = imap pop3
listen = 127.0.0.1
ssl = yes
${dovecotCertificate(certificate)}
auth_mechanisms = plain login
# A refusal comes without Dovecot's delays: 2 s, and up to 15 s more for an address that was refused before.
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service imap-login {
  inet_listener imap {
    port = ${imap}
  }
  inet_listener imaps {
    port = ${imaps}
    ssl = yes
  }
}
service pop3-login {
  inet_listener pop3 {
    port = ${pop3}
  }
  inet_listener pop3s {
    port = ${pop3s}
    ssl = yes
  }
}
service submission-login {
  inet_listener submission {
    port = ${submission}
  }
  inet_listener submissions {
    port = ${submissions}
    ssl = yes
  }
}
service auth {
  ${dovecotAuthListener(auth)}
}
${typeof settings === 'string' ? settings : settings[dovecotRelease()]}
`,
  );
  const dovecot = spawn('/usr/sbin/dovecot', ['-F', '-c', at('dovecot.conf')], { stdio: 'ignore' });
  dovecot.unref();
  const logged = () => readLog(at('dovecot.log'));
  const close = () => {
    dovecot.kill('SIGTERM');
    removeFolder(folder);
  };
  try {
    await untilReady([imap, pop3], auth, logged);
  } catch (error) {
    close();
    throw error;
  }
  const ports = {
    ...{ 110: pop3, 143: imap, 465: submissions, 587: submission, 993: imaps, 995: pop3s },
  };
  return { ports, auth, logged, close };
}

/** A running Postfix. */
export interface Postfix {
  readonly logged: () => string;
  readonly close: () => void;
}

/**
 * Starts Postfix with this certificate. `services` are lines of master.cf, and `settings` the last lines of main.cf. Needs root, as it does.
 */
export async function startPostfix(
  { certificate, key }: Certificate,
  auth: number,
  services: readonly string[],
  settings: readonly string[] = [],
): Promise<Postfix> {
  const { folder, at } = folderFor('postfix', '/usr/sbin/postfix');
  const etc = at('etc');
  for (const name of ['etc', 'spool', 'data']) mkdirSync(at(name));
  execFileSync('chown', ['postfix', at('data')]);
  writeFileSync(
    join(etc, 'main.cf'),
    [
      'compatibility_level=3.6',
      `queue_directory=${at('spool')}`,
      `data_directory=${at('data')}`,
      `maillog_file=${at('postfix.log')}`,
      `maillog_file_prefixes=${folder}`,
      'myhostname=mx.test.example',
      'mydestination=',
      'inet_interfaces=127.0.0.1',
      'inet_protocols=ipv4',
      'alias_maps=',
      'alias_database=',
      `smtpd_tls_cert_file=${certificate}`,
      `smtpd_tls_key_file=${key}`,
      'smtpd_tls_security_level=may',
      'smtpd_tls_auth_only=yes',
      'smtpd_sasl_type=dovecot',
      `smtpd_sasl_path=inet:127.0.0.1:${auth}`,
      'smtpd_sasl_auth_enable=yes',
      'smtpd_relay_restrictions=permit_sasl_authenticated,reject',
      ...settings,
      '',
    ].join('\n'),
  );
  // Postfix waits for 2 s if this file is that new.
  utimesSync(join(etc, 'main.cf'), 0, 0);
  writeFileSync(
    join(etc, 'master.cf'),
    [
      ...services,
      'pickup unix n - n 60 1 pickup',
      'cleanup unix n - n - 0 cleanup',
      'qmgr unix n - n 300 1 qmgr',
      'tlsmgr unix - - n 1000? 1 tlsmgr',
      'rewrite unix - - n - - trivial-rewrite',
      'bounce unix - - n - 0 bounce',
      'anvil unix - - n - 1 anvil',
      'proxymap unix - - n - - proxymap',
      'postlog unix-dgram n - n - 1 postlogd',
      '',
    ].join('\n'),
  );
  const { stderr } = await promisify(execFile)('/usr/sbin/postfix', ['-c', etc, 'start']).catch(
    (error: unknown) => error as { stderr: string },
  );
  return {
    logged: () => stderr + readLog(at('postfix.log')),
    close: () => {
      spawnSync('/usr/sbin/postfix', ['-c', etc, 'stop'], { stdio: 'ignore' });
      removeFolder(folder);
    },
  };
}

/** Starts Dovecot for IMAP and POP3, and Postfix for submission and port 25, with this certificate. */
export async function startMailPorts(
  certificate: Certificate,
  users: Readonly<Record<string, string>> = {},
  dovecotSettings: DovecotSettings = '',
  postfixSettings: readonly string[] = [],
): Promise<MailPorts> {
  const dovecot = await startDovecot(certificate, users, dovecotSettings);
  const [submission = 0, submissions = 0, smtp = 0] = await freePorts(3);
  const postfix = await startPostfix(
    certificate,
    dovecot.auth,
    [
      `127.0.0.1:${submission} inet n - n - - smtpd`,
      `127.0.0.1:${submissions} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes`,
      `127.0.0.1:${smtp} inet n - n - - smtpd -o smtpd_sasl_auth_enable=no`,
    ],
    postfixSettings,
  );
  const close = () => {
    postfix.close();
    dovecot.close();
  };
  try {
    await untilReady([submission, submissions, smtp], dovecot.auth, postfix.logged);
  } catch (error) {
    close();
    throw error;
  }
  const ports: Readonly<Record<StandardPort, number>> = {
    ...dovecot.ports,
    ...{ 25: smtp, 465: submissions, 587: submission },
  };
  return {
    portOf: (port) => ports[port as StandardPort],
    logged: () => ({ dovecot: dovecot.logged(), postfix: postfix.logged() }),
    close,
  };
}
