import { readFileSync } from 'node:fs';
import {
  certificateHosts,
  defaultPolicy,
  type CertificateHost,
  forDomain,
  type MailPolicies,
  type MailPolicy,
  type MailSender,
  type Security,
} from '../domain/policy';
import type { Branding } from '../domain/branding';
import { isDomainName } from '../domain/domain-name';
import { isEmailAddress } from '../domain/email-address';
import type { Message } from '../texts/message';
import { brandingValueKeys, readBrandingValues } from './setting-values';

/** Settings with something wrong in them. The message names the place and the key. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

interface Setting {
  readonly key: string;
  readonly value: string;
  /** "FILE, line N: KEY", the beginning of a complaint about it. */
  readonly place: string;
}

type Settings = ReadonlyMap<string, Setting>;

/** Puts into English what is wrong with a value that a page can have, too. */
export type Say = (problem: Message) => string;

/** Every key of the settings file. docs/settings.md describes each; a test compares the two. */
export const settingKeys: readonly string[] = [
  'mail_host',
  'outgoing_host',
  'prefer_security',
  'imap_port',
  'imaps_port',
  'submission_port',
  'submissions_port',
  'offer_pop3',
  'pop3_port',
  'pop3s_port',
  'check_servers',
  'certificate_host',
  'try_logins',
  'mail_from',
  // A logo comes as a file, on the page for the branding.
  ...brandingValueKeys,
];

/**
 * Reads the mail policy from a settings file in Webmin's own format: `key=value` a line, `#` begins
 * a comment line. `key@domain=value` overrides a key for one domain. Throws SettingsError.
 */
export function readSettingsFile(path: string, say: Say): MailPolicies {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new SettingsError(
      `${path}: cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`,
      {
        cause: error,
      },
    );
  }
  return parseSettings(text, say, (line) => `${path}, line ${line}`);
}

/** The same from the text of a file; `placeOf` says in a message where a line is, counted from 1. */
export function parseSettings(
  text: string,
  say: Say,
  placeOf: (line: number) => string = (line) => `line ${line}`,
): MailPolicies {
  const general = new Map<string, Setting>();
  const overrides = new Map<string, Map<string, Setting>>();
  text.split('\n').forEach((line, index) => {
    if (line.startsWith('#') || line.trim() === '') return;
    const place = placeOf(index + 1);
    const equals = line.indexOf('=');
    if (equals < 0) throw new SettingsError(`${place}: expected key=value`);
    const [key = '', domain] = line.slice(0, equals).trim().split('@', 2);
    if (!settingKeys.includes(key)) {
      throw new SettingsError(`${place}: unknown setting ${JSON.stringify(key)}`);
    }
    const setting = { key, value: line.slice(equals + 1).trim(), place: `${place}: ${key}` };
    if (domain === undefined) {
      general.set(key, setting);
    } else if (isDomainName(domain)) {
      const name = domain.toLowerCase();
      overrides.set(name, (overrides.get(name) ?? new Map<string, Setting>()).set(key, setting));
    } else {
      throw new SettingsError(`${place}: ${JSON.stringify(domain)} is not a domain name`);
    }
  });
  return {
    general: toPolicy(general, say),
    byDomain: new Map(
      [...overrides].map(([domain, own]) => [
        domain,
        { ...toPolicy(new Map([...general, ...own]), say), branding: branding(own, say) },
      ]),
    ),
  };
}

function toPolicy(settings: Settings, say: Say): MailPolicy {
  const incomingHost = host(settings.get('mail_host')) ?? defaultPolicy.incomingHost;
  const port = (key: string, standard: number | null) => portNumber(settings.get(key), standard);
  const policy: MailPolicy = {
    incomingHost,
    outgoingHost: host(settings.get('outgoing_host')) ?? incomingHost,
    preferredSecurity: security(settings.get('prefer_security')),
    imap: {
      starttls: port('imap_port', defaultPolicy.imap.starttls),
      'implicit-tls': port('imaps_port', defaultPolicy.imap['implicit-tls']),
    },
    offerPop3: yesNo(settings.get('offer_pop3'), defaultPolicy.offerPop3),
    pop3: {
      starttls: port('pop3_port', defaultPolicy.pop3.starttls),
      'implicit-tls': port('pop3s_port', defaultPolicy.pop3['implicit-tls']),
    },
    submission: {
      starttls: port('submission_port', defaultPolicy.submission.starttls),
      'implicit-tls': port('submissions_port', defaultPolicy.submission['implicit-tls']),
    },
    checkServers: yesNo(settings.get('check_servers'), defaultPolicy.checkServers),
    certificateHost: certificateHost(settings.get('certificate_host')),
    tryLogins: yesNo(settings.get('try_logins'), defaultPolicy.tryLogins),
    mailFrom: sender(settings.get('mail_from')),
    branding: branding(settings, say),
  };
  const pop3 = policy.offerPop3 ? Object.values(policy.pop3) : [];
  if ([...Object.values(policy.imap), ...pop3].every((offered) => offered === null)) {
    throw complaint(
      lastOf(settings, ['imap_port', 'imaps_port', 'offer_pop3']),
      'leaves no way to receive mail',
    );
  }
  if (Object.values(policy.submission).every((offered) => offered === null)) {
    throw complaint(
      lastOf(settings, ['submission_port', 'submissions_port']),
      'leaves no way to send mail',
    );
  }
  return policy;
}

function complaint(setting: Setting, problem: string): SettingsError {
  return new SettingsError(`${setting.place} ${problem}`);
}

/** Only called where one of the keys must have been set for the policy to be as it is. */
function lastOf(settings: Settings, keys: readonly string[]): Setting {
  const found = keys.flatMap((key) => settings.get(key) ?? []).at(-1);
  if (found === undefined) throw new Error(`none of ${keys.join(', ')} is set`);
  return found;
}

function isEmpty(setting: Setting | undefined): setting is undefined {
  return setting === undefined || setting.value === '';
}

function host(setting: Setting | undefined): string | null {
  if (isEmpty(setting)) return null;
  const pattern = setting.value.toLowerCase();
  if (!isDomainName(forDomain(pattern, 'example.com')) || /[{}]/.test(forDomain(pattern, ''))) {
    throw complaint(setting, 'must be a host name, such as mail.{domain} or mx.example.net');
  }
  return pattern;
}

function security(setting: Setting | undefined): Security {
  if (isEmpty(setting)) return defaultPolicy.preferredSecurity;
  if (setting.value !== 'starttls' && setting.value !== 'implicit-tls') {
    throw complaint(setting, 'must be starttls or implicit-tls');
  }
  return setting.value;
}

function certificateHost(setting: Setting | undefined): CertificateHost {
  if (isEmpty(setting)) return defaultPolicy.certificateHost;
  const found = certificateHosts.find((one) => one === setting.value);
  if (found === undefined) throw complaint(setting, `must be ${certificateHosts.join(' or ')}`);
  return found;
}

function yesNo(setting: Setting | undefined, standard: boolean): boolean {
  if (isEmpty(setting)) return standard;
  // Webmin's own forms write 1 and 0.
  if (setting.value === 'yes' || setting.value === '1') return true;
  if (setting.value === 'no' || setting.value === '0') return false;
  throw complaint(setting, 'must be yes or no');
}

function sender(setting: Setting | undefined): MailSender | null {
  if (isEmpty(setting)) return null;
  const [, name = '', bracketed] = /^([^<>"\p{Cc}]*)<([^<>]+)>$/u.exec(setting.value) ?? [];
  const address = bracketed ?? setting.value;
  if (!isEmailAddress(address)) {
    throw complaint(
      setting,
      'must be an e-mail address, or a name and one: Help <help@example.com>',
    );
  }
  return { name: name.trim(), address };
}

function portNumber(setting: Setting | undefined, standard: number | null): number | null {
  if (isEmpty(setting)) return standard;
  if (setting.value === 'off') return null;
  const port = /^\d{1,5}$/.test(setting.value) ? Number(setting.value) : NaN;
  if (!(port >= 1 && port <= 65535))
    throw complaint(setting, 'must be a port from 1 to 65535, or off');
  if (port === 25) {
    throw complaint(
      setting,
      'must not be 25: that port is for servers among themselves, use 587 or 465',
    );
  }
  return port;
}

function branding(settings: Settings, say: Say): Branding {
  const values = readBrandingValues(
    (key) => settings.get(key)?.value,
    (key, problem) => {
      throw complaint(lastOf(settings, [key]), say(problem));
    },
  );
  return { ...values, logo: null, mail: {} };
}
