import type { ClientSettings, Protocol, Warning } from '../domain/client-settings';
import { connectedOf, type Mailbox } from '../domain/mailbox';
import type { Security } from '../domain/policy';

/** The words of mail clients, so that a person finds on the screen what stands on the paper. */
export const protocolNames: Readonly<Record<Protocol, string>> = {
  imap: 'IMAP',
  pop3: 'POP3',
  submission: 'SMTP',
};

/** Thunderbird's and most clients' names of the two. */
export const securityNames: Readonly<Record<Security, string>> = {
  starttls: 'STARTTLS',
  'implicit-tls': 'SSL/TLS',
};

export const authenticationName = 'Normal password';

/** What must stay off in the client: each of these fails, or hands the password out in the clear. */
export const neverEnable =
  'Secure Password Authentication (SPA), CRAM-MD5, "encrypted password", port 25, or a connection without encryption';

export const warningTexts: Readonly<Record<Warning, string>> = {
  'login-is-not-email-address':
    'The user name is not the e-mail address. Type it exactly as shown.',
  'mailbox-disabled':
    'This mailbox is disabled: it accepts no login until it is enabled in Virtualmin.',
  'domain-disabled':
    'This domain is disabled: its mailboxes accept no login until it is enabled in Virtualmin.',
  'domain-without-mail':
    'Mail is switched off for this domain: these settings work only after it is switched on.',
  'password-not-accepted':
    'No password is accepted for this mailbox: set a new one in Virtualmin first.',
  'real-name-unreadable':
    'Part of the real name is not readable text (shown as \uFFFD): save it again in Virtualmin.',
};

/** The texts of the warnings, but for the login's: a page says that one beside the login itself. */
export function noticeKeys({ warnings }: ClientSettings): string[] {
  return warnings
    .filter((warning) => warning !== 'login-is-not-email-address')
    .map((warning) => `warning_${warning.replaceAll('-', '_')}`);
}

/** The text that says whether a mail client has logged in to a mailbox yet, with the day where it has. */
export function connectedKey(mailbox: Pick<Mailbox, 'lastLogins'>): {
  readonly key: string;
  readonly values: Readonly<Record<string, string>>;
} {
  const { read = null, sent = null } = mailbox.lastLogins ?? {};
  const connected = connectedOf(mailbox);
  // Where one mailbox has a record, every one of its domain has.
  if (connected === 'never' || connected === 'unknown') return { key: 'page_never', values: {} };
  const day =
    [read, sent]
      .filter((one) => one !== null)
      .sort()
      .at(-1) ?? '';
  return { key: `page_${connected.replaceAll('-', '_')}`, values: { day } };
}
