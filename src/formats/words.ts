import type { ClientSettings, Protocol, Warning } from '../domain/client-settings';
import {
  connectedOf,
  deliveryProblem,
  veiledForwards,
  type Mailbox,
  type NoMailReason,
} from '../domain/mailbox';
import type { Security } from '../domain/policy';
import type { NoSheetReason } from '../domain/sheets';
import { message, textKey, type Message } from '../texts/message';

/** The names that mail clients use, so that users find on the screen what the sheet says. */
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

/** A warning in words: for whoever hands the settings out (`warning`), or for the user of the mailbox (`notice`). */
export function warningWords(
  warning: Warning,
  { delivery }: ClientSettings,
  to: 'warning' | 'notice' = 'warning',
): Message {
  return message(textKey(to, warning), { addresses: shortened(veiledForwards(delivery), 3) });
}

/** The warnings in words, but for the login's: a page says that one beside the login itself. */
export function notices(settings: ClientSettings): Message[] {
  return settings.warnings
    .filter((warning) => warning !== 'login-is-not-email-address')
    .map((warning) => warningWords(warning, settings));
}

/** The first addresses of a list. */
export function shortened(addresses: readonly string[], count: number): string {
  return addresses.slice(0, count).join(', ') + (addresses.length > count ? ', …' : '');
}

/** The key of the text that marks a mailbox whose mail is delivered elsewhere; null where its mail arrives. */
export function deliveryKey({ delivery }: Pick<Mailbox, 'delivery'>): string | null {
  const problem = deliveryProblem(delivery);
  return problem === null ? null : textKey('page', problem);
}

/** The key of the text with the reason why there is no sheet. */
export function withoutKey(reason: NoMailReason | NoSheetReason): string {
  return textKey('without', reason);
}

/** The text that says whether a mail client has logged in to a mailbox yet, with the day where it has. */
export function connectedWords(mailbox: Pick<Mailbox, 'lastLogins'>): Message {
  const { read = null, sent = null } = mailbox.lastLogins ?? {};
  const connected = connectedOf(mailbox);
  // If Virtualmin records logins, all mailboxes of the domain have a record.
  if (connected === 'never' || connected === 'unknown') return message('page_never');
  const day =
    [read, sent]
      .filter((one) => one !== null)
      .sort()
      .at(-1) ?? '';
  return message(textKey('page', connected), { day });
}
