import { nearestBranding, noBranding, type Branding } from './branding';

export const securities = ['starttls', 'implicit-tls'] as const;

export type Security = (typeof securities)[number];

/** The ports of one protocol, by how the connection is secured; null where the host does not offer it. */
export type Ports = Readonly<Record<Security, number | null>>;

/** Propose the certificate's name on the page of the checks, prescribe it, or do neither. */
export const certificateHosts = ['propose', 'use', 'ignore'] as const;

export type CertificateHost = (typeof certificateHosts)[number];

/**
 * What the answer service tells strangers about a domain: nothing, the settings of an address with its login, or the
 * settings with the address in place of the login.
 */
export const clientAnswers = ['off', 'login', 'address'] as const;

export type ClientAnswers = (typeof clientAnswers)[number];

/** The sender of a mail. `name` may be ''. */
export interface MailSender {
  readonly name: string;
  readonly address: string;
}

/**
 * The hosting provider's rules for mail clients. Host names and the webmail address may contain
 * `{domain}`, which stands for the mailbox's domain.
 */
export interface MailPolicy {
  readonly incomingHost: string;
  readonly outgoingHost: string;
  /** The security recommended first; the other one is the fallback. */
  readonly preferredSecurity: Security;
  readonly imap: Ports;
  /** POP3 is for downloading mail to one device. It is never recommended beside IMAP. */
  readonly offerPop3: boolean;
  readonly pop3: Ports;
  readonly submission: Ports;
  /** Whether the mail ports are checked. */
  readonly checkServers: boolean;
  /** What to do if the certificate is for the server's own host name and not for the prescribed host. */
  readonly certificateHost: CertificateHost;
  readonly clientAnswers: ClientAnswers;
  /** Whether the page offers to test a login with a typed password. */
  readonly tryLogins: boolean;
  /** The sender of mails with sheets; null where sheets are not sent by mail. */
  readonly mailFrom: MailSender | null;
  readonly branding: Branding;
}

/** The general policy, and the policies of domains that have their own. */
export interface MailPolicies {
  readonly general: MailPolicy;
  /** In their branding, only what differs from the general branding is set. */
  readonly byDomain: ReadonlyMap<string, MailPolicy>;
}

/**
 * The policy of a domain. Its branding is merged from the domain's own in the settings, then each of
 * `saved`, then the general one.
 */
export function policyFor(
  { general, byDomain }: MailPolicies,
  domain: string,
  saved: readonly Branding[] = [],
): MailPolicy {
  const own = byDomain.get(domain);
  const nearestFirst = [own?.branding ?? noBranding, ...saved, general.branding];
  return { ...(own ?? general), branding: nearestBranding(nearestFirst) };
}

/** Replaces `{domain}` in a pattern of the policy. */
export function forDomain(pattern: string, domain: string): string {
  return pattern.replaceAll('{domain}', domain);
}
