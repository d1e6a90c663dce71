import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs';
import { defaultPolicy, type MailPolicies } from '../domain/policy';
import type { MailTransport } from '../mail/mailer';
import { readSigner, SignerError, type SignerFiles } from '../signing/profile-signer';
import type { VirtualminConfig } from '../virtualmin/client';
import { isLoopback, withoutBrackets } from '../network/addresses';
import type { Trust } from '../virtualmin/trust';
import { readSettingsFile, SettingsError, type Say } from './settings-file';

export type Listen =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** For the panel alone. */
  | { readonly kind: 'socket'; readonly path: string }
  /** For the panel alone: a socket that systemd has opened (sd_listen_fds(3)). */
  | { readonly kind: 'inherited'; readonly descriptor: number };

export interface Config {
  readonly listen: Listen;
  /** Milliseconds without a request after which it ends by itself; null: never. */
  readonly idle: number | null;
  /** Null: make one up at the start. */
  readonly accessToken: string | null;
  /** Null: show the demo. */
  readonly virtualmin: VirtualminConfig | null;
  readonly policies: MailPolicies;
  /** Where the policies are from; null where they are the default. */
  readonly settingsFile: string | null;
  /** Null: Apple's profiles are not signed. */
  readonly profileSigner: SignerFiles | null;
  /** What sheets are sent by mail through, where the settings say from whom. */
  readonly mailTransport: MailTransport;
  /** Where brandings are saved; null where they cannot be. */
  readonly brandingFolder: string | null;
  readonly logLevel: string;
}

/** A start that must not happen: every problem, each naming its variable. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/** SD_LISTEN_FDS_START of sd_listen_fds(3). */
const firstInherited = 3;

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/**
 * Reads the whole configuration from environment variables and the files they name; `say` puts problems of the
 * settings file into English. Throws ConfigError.
 */
export function readConfig(env: Environment, say: Say): Config {
  const problems: string[] = [];
  const value = (name: string) => (env[name] === '' ? undefined : env[name]);
  const problem = (name: string, text: string) => void problems.push(`${name} ${text}`);
  const file = (name: string) => {
    const path = value(name);
    if (path === undefined) return undefined;
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      problem(
        name,
        `names a file that cannot be read: ${path} (${(error as NodeJS.ErrnoException).code ?? ''})`,
      );
      return undefined;
    }
  };
  const oneOf = <T extends string>(name: string, allowed: readonly T[], standard: T): T => {
    const given = value(name);
    if (given === undefined) return standard;
    const found = allowed.find((one) => one === given);
    if (found === undefined) problem(name, `must be ${allowed.join(' or ')}`);
    return found ?? standard;
  };
  const whole = (name: string, from: number, to: number, standard: number) => {
    const given = value(name);
    if (given === undefined) return standard;
    const number = /^\d+$/.test(given) ? Number(given) : NaN;
    if (number >= from && number <= to) return number;
    problem(name, `must be a whole number from ${from} to ${to}`);
    return standard;
  };

  const listen = (): Listen => {
    if (value('LISTEN_PID') === String(process.pid)) {
      if (value('LISTEN_FDS') !== '1') problem('LISTEN_FDS', 'must be 1: one socket for the panel');
      return { kind: 'inherited', descriptor: firstInherited };
    }
    const path = value('SOCKET_PATH');
    if (path !== undefined) return { kind: 'socket', path };
    const host = value('HOST') ?? '127.0.0.1';
    if (!isLoopback(host) && value('ALLOW_REMOTE') !== '1') {
      problem(
        'HOST',
        `is ${host}, which others can reach. Use 127.0.0.1 and an SSH tunnel, or set ALLOW_REMOTE=1 too behind a TLS proxy`,
      );
    }
    return { kind: 'tcp', host, port: whole('PORT', 0, 65535, 8025) };
  };

  const accessToken = (): string | null => {
    const token = value('ACCESS_TOKEN');
    if (token === undefined) return null;
    if (!/^[\x21-\x7e]{16,256}$/.test(token)) {
      problem('ACCESS_TOKEN', 'must be 16 to 256 printable ASCII characters without spaces');
    }
    return token;
  };

  const trust = (): Trust => {
    const pem = file('VIRTUALMIN_CA_FILE');
    const fingerprint = value('VIRTUALMIN_FINGERPRINT');
    if (fingerprint !== undefined) {
      const hex = fingerprint
        .replace(/^sha256[:=]/i, '')
        .replaceAll(':', '')
        .toUpperCase();
      if (!/^[0-9A-F]{64}$/.test(hex)) {
        problem(
          'VIRTUALMIN_FINGERPRINT',
          'must be a SHA-256 fingerprint: 64 hex digits, with or without colons',
        );
      }
      const sha256 = (hex.match(/../g) ?? []).join(':');
      return { kind: 'fingerprint', sha256, source: 'VIRTUALMIN_FINGERPRINT' };
    }
    if (pem === undefined) return { kind: 'system-roots' };
    if (!pem.includes('-----BEGIN CERTIFICATE-----')) {
      problem('VIRTUALMIN_CA_FILE', 'names a file without a certificate in PEM form');
    }
    return { kind: 'ca', pem };
  };

  const virtualmin = (): VirtualminConfig | null => {
    const url = value('VIRTUALMIN_URL');
    if (url === undefined) {
      for (const name of Object.keys(env)) {
        if (name.startsWith('VIRTUALMIN_') && value(name) !== undefined) {
          problem(name, 'is set but VIRTUALMIN_URL is not: set it too, or neither (for the demo)');
        }
      }
      return null;
    }
    const base = apiBase(url, (text) => {
      problem('VIRTUALMIN_URL', text);
    });
    const user = value('VIRTUALMIN_USER');
    if (user === undefined)
      problem('VIRTUALMIN_USER', 'is missing: the Webmin user who may use the remote API');
    else if (/[:\p{Cc}]/u.test(user)) problem('VIRTUALMIN_USER', 'must not contain a colon');
    const fromFile = file('VIRTUALMIN_PASSWORD_FILE')?.replace(/\r?\n$/, '');
    const password = value('VIRTUALMIN_PASSWORD') ?? fromFile;
    if (password === undefined || password === '') {
      problem(
        'VIRTUALMIN_PASSWORD',
        'is missing: set it, or VIRTUALMIN_PASSWORD_FILE to a file that holds it',
      );
    }
    return {
      url: base,
      user: user ?? '',
      password: password ?? '',
      format: oneOf('VIRTUALMIN_FORMAT', ['json', 'xml'], 'json'),
      trust: trust(),
      timeout: whole('VIRTUALMIN_TIMEOUT', 1, 3600, 120) * 1000,
    };
  };

  const policies = (): MailPolicies => {
    const path = value('MAIL_SETUP_CONFIG');
    if (path === undefined) return { general: defaultPolicy, byDomain: new Map() };
    try {
      return readSettingsFile(path, say);
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error;
      problem('MAIL_SETUP_CONFIG:', error.message);
      return { general: defaultPolicy, byDomain: new Map() };
    }
  };

  const profileSigner = (): SignerFiles | null => {
    const certificate = value('PROFILE_CERT_FILE');
    const key = value('PROFILE_KEY_FILE');
    if (certificate === undefined && key === undefined) return null;
    if (certificate === undefined || key === undefined) {
      const missing = key === undefined ? 'PROFILE_KEY_FILE' : 'PROFILE_CERT_FILE';
      problem(missing, 'is missing: signing takes a certificate and its key');
      return null;
    }
    try {
      readSigner({ certificate, key }, Date.now());
    } catch (error) {
      if (!(error instanceof SignerError)) throw error;
      problem('PROFILE_CERT_FILE and PROFILE_KEY_FILE:', error.message);
    }
    return { certificate, key };
  };

  const mailTransport = (): MailTransport => {
    const given = value('MAIL_TRANSPORT') ?? 'sendmail';
    const sendmail = /^sendmail(?::(\/.*))?$/.exec(given);
    if (sendmail !== null) return { kind: 'sendmail', path: sendmail[1] ?? '/usr/sbin/sendmail' };
    const url = URL.canParse(given) ? new URL(given) : null;
    if (url?.protocol === 'smtp:' && isLoopback(url.hostname) && url.username === '') {
      return { kind: 'smtp', host: withoutBrackets(url.hostname), port: Number(url.port || 25) };
    }
    problem(
      'MAIL_TRANSPORT',
      "must be sendmail, sendmail:/path/to/it, or smtp://127.0.0.1:25: this machine's own mail server, without a password",
    );
    return { kind: 'sendmail', path: '' };
  };

  const brandingFolder = (): string | null => {
    const path = value('BRANDING_DIR') ?? null;
    if (path === null) return null;
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 });
      accessSync(path, constants.R_OK | constants.W_OK);
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      problem('BRANDING_DIR', `names a folder that cannot be written to: ${path} (${code})`);
    }
    return path;
  };

  const config: Config = {
    listen: listen(),
    idle: whole('IDLE_TIMEOUT', 0, 86_400, 0) * 1000 || null,
    accessToken: accessToken(),
    virtualmin: virtualmin(),
    policies: policies(),
    settingsFile: value('MAIL_SETUP_CONFIG') ?? null,
    profileSigner: profileSigner(),
    mailTransport: mailTransport(),
    brandingFolder: brandingFolder(),
    logLevel: oneOf('LOG_LEVEL', logLevels, 'info'),
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** The part before `/virtual-server/remote.cgi`, which may be given or left out. */
function apiBase(text: string, complain: (problem: string) => void): string {
  if (!URL.canParse(text)) {
    complain('must be a web address, such as https://panel.example.com:10000');
    return '';
  }
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') {
    complain(
      'must not hold a user name or password: use VIRTUALMIN_USER and VIRTUALMIN_PASSWORD_FILE',
    );
  }
  if (url.search !== '' || url.hash !== '') complain('must not have a query or a fragment');
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    complain('must begin with https: the password would cross the network in the clear');
  } else if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    complain('must begin with https://');
  }
  return (
    url.origin +
    url.pathname.replace(/\/virtual-server(\/(remote\.cgi)?)?$/, '').replace(/\/+$/, '')
  );
}
