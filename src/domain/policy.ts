import { nearestBranding, noBranding, type Branding } from './branding';

export type Security = 'starttls' | 'implicit-tls';

/** The ports of one protocol, by how the connection is secured; null where the host does not offer it. */
export type Ports = Readonly<Record<Security, number | null>>;

/** Say so on the page of the checks, prescribe that name instead, or neither. */
export const certificateHosts = ['propose', 'use', 'ignore'] as const;

export type CertificateHost = (typeof certificateHosts)[number];

/** Who a mail is from. `name` may be ''. */
export interface MailSender {
  readonly name: string;
  readonly address: string;
}

/**
 * What a host prescribes to mail clients. Host names and the webmail address may contain
 * `{domain}`, which stands for the mailbox's domain.
 */
export interface MailPolicy {
  readonly incomingHost: string;
  readonly outgoingHost: string;
  /** The security recommended first; the other one is the fallback. */
  readonly preferredSecurity: Security;
  readonly imap: Ports;
  /** POP3 is for downloading to one device, on purpose; never recommended beside IMAP. */
  readonly offerPop3: boolean;
  readonly pop3: Ports;
  readonly submission: Ports;
  /** Whether the mail ports are asked what they offer. */
  readonly checkServers: boolean;
  /** What is done where the certificate names the server's own host name and not the host prescribed. */
  readonly certificateHost: CertificateHost;
  /** Whether a login may be tried with a password that somebody types. */
  readonly tryLogins: boolean;
  /** Who sheets are sent by mail from; null where they are not. */
  readonly mailFrom: MailSender | null;
  readonly branding: Branding;
}

/** A host's policy, and the domains that have one of their own. */
export interface MailPolicies {
  readonly general: MailPolicy;
  /** Their branding has only what differs from the general one. */
  readonly byDomain: ReadonlyMap<string, MailPolicy>;
}

/**
 * RFC 9051 (143, 993), RFC 1939 and RFC 8314 (110, 995), RFC 6409 (587), RFC 8314 (465). Port 25 is
 * for servers among themselves and is never offered to a client.
 */
export const defaultPolicy: MailPolicy = {
  incomingHost: 'mail.{domain}',
  outgoingHost: 'mail.{domain}',
  preferredSecurity: 'starttls',
  imap: { starttls: 143, 'implicit-tls': 993 },
  offerPop3: true,
  pop3: { starttls: 110, 'implicit-tls': 995 },
  submission: { starttls: 587, 'implicit-tls': 465 },
  checkServers: true,
  certificateHost: 'propose',
  tryLogins: true,
  mailFrom: null,
  branding: noBranding,
};

/**
 * The policy of a domain. What it has of a branding for itself comes first, then each of `saved`, then
 * the general one.
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

/** Puts a domain into a pattern of the policy. */
export function forDomain(pattern: string, domain: string): string {
  return pattern.replaceAll('{domain}', domain);
}
