import { papers, type Branding } from '../domain/branding';
import { certificateHosts, clientAnswers, securities, type MailPolicy } from '../domain/policy';
import { message, type Message } from '../texts/message';
import { choice, readTable, setting, type Values } from './setting';
import {
  clients,
  colour,
  hostPattern,
  languageTag,
  line,
  port,
  sender,
  webUrl,
  yesNo,
} from './values';

/**
 * The settings that the page "Branding" can override for the server, a reseller or a domain. Null: the value of the
 * next branding applies.
 */
export const brandingSettings = {
  host_name: setting(line, null),
  host_colour: setting(colour, null),
  support_contact: setting(line, null),
  webmail_url: setting(webUrl, null),
  sheet_note: setting(line, null),
  sheet_clients: setting(clients, null),
  sheet_language: setting(languageTag, null),
  sheet_paper: choice(papers, null),
};

/**
 * Every setting, with its parser and its default. Each can be set in the settings file and in the panel's Module
 * Config, for all domains or, with `@domain` after the key, for one.
 *
 * Tests compare the other parts of a setting with this table: its row in docs/settings.md, its default in
 * src/webmin/config, its field in config.info*, and its help in src/webmin/help/config_KEY.html.
 *
 * Default ports: RFC 9051 (143, 993), RFC 1939 and RFC 8314 (110, 995), RFC 6409 (587), RFC 8314 (465).
 */
export const settings = {
  mail_host: setting(hostPattern, 'mail.{domain}'),
  // Null: the mail_host.
  outgoing_host: setting(hostPattern, null),
  prefer_security: choice(securities, 'starttls'),
  imap_port: setting(port, 143),
  imaps_port: setting(port, 993),
  offer_pop3: setting(yesNo, true),
  pop3_port: setting(port, 110),
  pop3s_port: setting(port, 995),
  submission_port: setting(port, 587),
  submissions_port: setting(port, 465),
  check_servers: setting(yesNo, true),
  certificate_host: choice(certificateHosts, 'propose'),
  try_logins: setting(yesNo, true),
  client_answers: choice(clientAnswers, 'off'),
  mail_from: setting(sender, null),
  ...brandingSettings,
};

const incomingPorts = ['imap_port', 'imaps_port', 'pop3_port', 'pop3s_port'] as const;

const outgoingPorts = ['submission_port', 'submissions_port'] as const;

const portKeys = [...incomingPorts, ...outgoingPorts] as const;

/** What is wrong with values that are right one by one. The problem belongs to the last of `keys` that is set. */
export interface Contradiction {
  readonly keys: readonly (keyof typeof settings)[];
  readonly problem: Message;
}

/**
 * The first contradiction of some settings; null where there is none. A port that another service has by standard, or
 * has on the same host, would make every mail client fail: it would wait for a greeting before TLS, or send TLS to a
 * server that expects STARTTLS.
 */
export function contradictionIn(values: Values<typeof settings>): Contradiction | null {
  const incoming = values.offer_pop3 ? incomingPorts : incomingPorts.slice(0, 2);
  if (incoming.every((key) => values[key] === null)) {
    const keys = ['imap_port', 'imaps_port', 'offer_pop3'] as const;
    return { keys, problem: message('value_no_incoming') };
  }
  if (outgoingPorts.every((key) => values[key] === null)) {
    return { keys: outgoingPorts, problem: message('value_no_outgoing') };
  }
  const used = [...incoming, ...outgoingPorts].flatMap((key) => {
    const port = values[key];
    return port === null ? [] : [{ key, port, host: hostOf(key, values) }];
  });
  for (const { key, port } of used) {
    const other = portKeys.find((one) => one !== key && settings[one].default === port);
    if (other !== undefined) {
      return { keys: [key], problem: message('value_port_of', { port, other }) };
    }
  }
  for (const { key, port, host } of used) {
    const other = used.find((one) => one.key !== key && one.port === port && one.host === host);
    if (other !== undefined) {
      return { keys: [key, other.key], problem: message('value_port_twice', { port }) };
    }
  }
  return null;
}

function hostOf(key: (typeof portKeys)[number], values: Values<typeof settings>): string {
  const { incomingHost, outgoingHost } = policyOf(values);
  return outgoingPorts.some((one) => one === key) ? outgoingHost : incomingHost;
}

/** The mail policy that some settings make. */
export function policyOf(values: Values<typeof settings>): MailPolicy {
  return {
    incomingHost: values.mail_host,
    outgoingHost: values.outgoing_host ?? values.mail_host,
    preferredSecurity: values.prefer_security,
    imap: { starttls: values.imap_port, 'implicit-tls': values.imaps_port },
    offerPop3: values.offer_pop3,
    pop3: { starttls: values.pop3_port, 'implicit-tls': values.pop3s_port },
    submission: { starttls: values.submission_port, 'implicit-tls': values.submissions_port },
    checkServers: values.check_servers,
    certificateHost: values.certificate_host,
    tryLogins: values.try_logins,
    clientAnswers: values.client_answers,
    mailFrom: values.mail_from,
    branding: brandingOf(values),
  };
}

/** The branding that some settings make. It has no logo and no words for mail: these are no settings. */
export function brandingOf(values: Values<typeof brandingSettings>): Branding {
  return {
    name: values.host_name,
    logo: null,
    colour: values.host_colour,
    supportContact: values.support_contact,
    webmailUrl: values.webmail_url,
    note: values.sheet_note,
    clients: values.sheet_clients,
    language: values.sheet_language,
    paper: values.sheet_paper,
    mail: {},
  };
}

/** The policy without any settings. */
export const defaultPolicy: MailPolicy = policyOf(readTable(settings, () => undefined).values);
