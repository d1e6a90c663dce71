/** A user of a virtual server who has an e-mail address, as Virtualmin's *Edit Users* shows it. */
export interface Mailbox {
  readonly emailAddress: string;
  /**
   * What a mail client must send as user name: Virtualmin's column *Username*. Read from Virtualmin
   * and never computed: it depends on the naming style in force when the mailbox was made.
   */
  readonly login: string;
  /** Virtualmin's column *Name*: the short name within the domain. */
  readonly name: string;
  /** Empty where none is set. Holds U+FFFD where Virtualmin's bytes were not UTF-8. */
  readonly realName: string;
  /** Further addresses delivered to this mailbox. They share its login. `*@example.com` is a catch-all. */
  readonly extraAddresses: readonly string[];
  /** Where its person gets mail otherwise; null where Virtualmin knows none. */
  readonly recoveryAddress: string | null;
  readonly disabled: boolean;
  /** True for the owner of the virtual server. */
  readonly owner: boolean;
  /** False where no password would be accepted at all (before Virtualmin 7.30 always true: it does not say). */
  readonly passwordAccepted: boolean;
  /** Null where Virtualmin keeps no record of logins. */
  readonly lastLogins: LastLogins | null;
}

/** When a mail client last logged in, as days of the server's time zone (`2026-11-24`); null where none ever did. */
export interface LastLogins {
  readonly read: string | null;
  readonly sent: string | null;
}

/** Whether somebody has set up a mail client for a mailbox already. */
export type Connected = 'unknown' | 'never' | 'reads' | 'sends' | 'reads-and-sends';

export function connectedOf({ lastLogins }: Pick<Mailbox, 'lastLogins'>): Connected {
  if (lastLogins === null) return 'unknown';
  const { read, sent } = lastLogins;
  if (read !== null) return sent === null ? 'reads' : 'reads-and-sends';
  return sent === null ? 'never' : 'sends';
}

/** Why a user of a virtual server has no mailbox. */
export type NoMailReason =
  | 'website-manager'
  | 'plugin-user'
  | 'ftp-only'
  | 'no-email-address'
  /** The login, or the address, holds bytes nobody could type: no settings are better than wrong ones. */
  | 'unreadable';

export interface UserWithoutMail {
  readonly login: string;
  readonly reason: NoMailReason;
}

/** Everyone in one virtual server, in Virtualmin's order. */
export interface DomainUsers {
  readonly domain: string;
  readonly mailboxes: readonly Mailbox[];
  readonly withoutMail: readonly UserWithoutMail[];
}

/** True where the user may type the e-mail address as user name. Logins are case-sensitive. */
export function loginIsEmailAddress(mailbox: Mailbox): boolean {
  return mailbox.login === mailbox.emailAddress;
}

/** True where a text was not UTF-8 when Virtualmin sent it, so that what is shown is not all of it. */
export function isUnreadable(text: string): boolean {
  return text.includes('\uFFFD');
}
