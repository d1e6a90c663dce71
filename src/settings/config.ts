import type { MailPolicies } from '../domain/policy';
import type { MailTransport } from '../mail/mailer';
import { isLoopback } from '../network/addresses';
import { readSigner, SignerError, type SignerFiles } from '../signing/profile-signer';
import { message, type Message } from '../texts/message';
import type { VirtualminConfig } from '../virtualmin/client';
import type { Trust } from '../virtualmin/trust';
import { readSetting, type Setting, type Values } from './setting';
import { defaultPolicies, readSettingsFile } from './settings-file';
import { variables } from './variables';

export type Listen =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** For the panel only. */
  | { readonly kind: 'socket'; readonly path: string }
  /** For the panel only: a socket that systemd has opened (sd_listen_fds(3)). */
  | { readonly kind: 'inherited'; readonly descriptor: number };

/** How the app runs, from environment variables and the files that they name. */
export interface Config {
  readonly listen: Listen;
  /** Milliseconds without a request after which the app ends; null: never. */
  readonly idle: number | null;
  /** Null: make a random one at each start. */
  readonly accessToken: string | null;
  /** Null: show the demo. */
  readonly virtualmin: VirtualminConfig | null;
  readonly policies: MailPolicies;
  /** The file that the policies come from; null: they are the default. */
  readonly settingsFile: string | null;
  /** Null: Apple profiles are not signed. */
  readonly profileSigner: SignerFiles | null;
  /** How sheets are sent by mail, if the policy has a sender. */
  readonly mailTransport: MailTransport;
  /** The folder of saved brandings, which may not exist yet; null: brandings cannot be saved. */
  readonly brandingFolder: string | null;
  readonly logLevel: string;
}

/** The app cannot start: every problem of its configuration, each with the name of its variable. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly problems: readonly Message[]) {
    super('The configuration has mistakes');
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

type Name = keyof typeof variables;

/** SD_LISTEN_FDS_START of sd_listen_fds(3). */
const firstInherited = 3;

/** Reads the whole configuration. It only reads, and creates nothing. Throws ConfigError. */
export function readConfig(env: Environment): Config {
  const problems: Message[] = [];
  const problem = (name: string, key: string, values: Message['values'] = {}) =>
    void problems.push(message('variable_problem', { name, problem: message(key, values) }));

  /** The value of a variable, without white space around it. One with a problem has its default. */
  const read = <N extends Name>(name: N) => {
    const variable: Setting<unknown> = variables[name];
    // A password may begin or end with a space.
    const text = name === 'VIRTUALMIN_PASSWORD' ? env[name] : env[name]?.trim();
    const parsed = readSetting(variable, text);
    if ('problem' in parsed) {
      problems.push(message('variable_problem', { name, problem: parsed.problem }));
    }
    return ('value' in parsed ? parsed.value : variable.default) as Values<typeof variables>[N];
  };
  const isSet = (name: Name) => (env[name] ?? '').trim() !== '';

  const listen = (): Listen => {
    if (read('LISTEN_PID') === String(process.pid)) {
      if (read('LISTEN_FDS') !== '1') problem('LISTEN_FDS', 'variable_sockets');
      return { kind: 'inherited', descriptor: firstInherited };
    }
    const path = read('SOCKET_PATH');
    if (path !== null) return { kind: 'socket', path };
    const host = read('HOST');
    if (!isLoopback(host) && read('ALLOW_REMOTE') !== '1') {
      problem('HOST', 'variable_remote_host', { host });
    }
    return { kind: 'tcp', host, port: read('PORT') };
  };

  const trust = (): Trust => {
    const pem = read('VIRTUALMIN_CA_FILE');
    if (isSet('VIRTUALMIN_FINGERPRINT')) {
      const sha256 = read('VIRTUALMIN_FINGERPRINT') ?? '';
      return { kind: 'fingerprint', sha256, source: 'VIRTUALMIN_FINGERPRINT' };
    }
    if (pem === null) return { kind: 'system-roots' };
    if (!pem.includes('-----BEGIN CERTIFICATE-----')) {
      problem('VIRTUALMIN_CA_FILE', 'variable_certificates');
    }
    return { kind: 'ca', pem };
  };

  const virtualmin = (): VirtualminConfig | null => {
    const given = Object.keys(env).filter((name) => name.startsWith('VIRTUALMIN_') && env[name]);
    if (!isSet('VIRTUALMIN_URL')) {
      for (const name of given) problem(name, 'variable_without_url');
      return null;
    }
    for (const name of given.filter((one) => !Object.hasOwn(variables, one))) {
      problem(name, 'variable_unknown');
    }
    const url = read('VIRTUALMIN_URL') ?? '';
    const user = read('VIRTUALMIN_USER');
    if (!isSet('VIRTUALMIN_USER')) problem('VIRTUALMIN_USER', 'variable_no_user');
    const inFile = read('VIRTUALMIN_PASSWORD_FILE')?.replace(/\r?\n$/, '');
    const password = read('VIRTUALMIN_PASSWORD') ?? inFile ?? '';
    if (password === '') problem('VIRTUALMIN_PASSWORD', 'variable_no_password');
    return {
      url,
      user: user ?? '',
      password,
      format: read('VIRTUALMIN_FORMAT'),
      trust: trust(),
      timeout: read('VIRTUALMIN_TIMEOUT') * 1000,
    };
  };

  const policies = (): MailPolicies => {
    const path = read('MAIL_SETUP_CONFIG');
    if (path === null) return defaultPolicies;
    const settings = readSettingsFile(path);
    if ('value' in settings) return settings.value;
    const { problem: mistake } = settings;
    const values = { name: 'MAIL_SETUP_CONFIG', problem: mistake };
    problems.push(message('variable_file_problem', values));
    return defaultPolicies;
  };

  const profileSigner = (): SignerFiles | null => {
    const certificate = read('PROFILE_CERT_FILE');
    const key = read('PROFILE_KEY_FILE');
    if (certificate === null && key === null) return null;
    if (certificate === null || key === null) {
      problem(key === null ? 'PROFILE_KEY_FILE' : 'PROFILE_CERT_FILE', 'variable_no_signer');
      return null;
    }
    try {
      readSigner({ certificate, key }, Date.now());
    } catch (error) {
      if (!(error instanceof SignerError)) throw error;
      problems.push(message('variable_signer', { problem: error.message }));
    }
    return { certificate, key };
  };

  const config: Config = {
    listen: listen(),
    idle: read('IDLE_TIMEOUT') * 1000 || null,
    accessToken: read('ACCESS_TOKEN'),
    virtualmin: virtualmin(),
    policies: policies(),
    settingsFile: read('MAIL_SETUP_CONFIG'),
    profileSigner: profileSigner(),
    mailTransport: read('MAIL_TRANSPORT'),
    brandingFolder: read('BRANDING_DIR'),
    logLevel: read('LOG_LEVEL'),
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}
