import { noBranding, type Branding } from './branding';

export type Security = 'starttls' | 'implicit-tls';

/** The ports of one protocol, by how the connection is secured; null where the host does not offer it. */
export type Ports = Readonly<Record<Security, number | null>>;

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
  readonly webmailUrl: string | null;
  readonly supportContact: string | null;
  readonly branding: Branding;
}

/** A host's policy, and the domains that have one of their own. */
export interface MailPolicies {
  readonly general: MailPolicy;
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
  webmailUrl: null,
  supportContact: null,
  branding: noBranding,
};

export function policyFor(policies: MailPolicies, domain: string): MailPolicy {
  return policies.byDomain.get(domain) ?? policies.general;
}

/** Puts a domain into a pattern of the policy. */
export function forDomain(pattern: string, domain: string): string {
  return pattern.replaceAll('{domain}', domain);
}
