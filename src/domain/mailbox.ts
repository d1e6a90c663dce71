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
  /**
   * The person's name, as mail clients send it beside the address: without the office and the telephone numbers
   * that a Unix user can have. Empty where none is set. Holds U+FFFD where Virtualmin's bytes were not UTF-8.
   */
  readonly realName: string;
  /** Further addresses delivered to this mailbox. They share its login. `*@example.com` is a catch-all. */
  readonly extraAddresses: readonly string[];
  /** The user's address outside this mailbox; null where Virtualmin has none. */
  readonly recoveryAddress: string | null;
  readonly delivery: Delivery;
  readonly disabled: boolean;
  /** True for the owner of the virtual server. */
  readonly owner: boolean;
  /** False where no password is accepted at all. Always true before Virtualmin 7.30, which does not report it. */
  readonly passwordAccepted: boolean;
  /** Null where Virtualmin keeps no record of logins. */
  readonly lastLogins: LastLogins | null;
}

/** Where the mail server delivers the mail of a mailbox, as far as Virtualmin knows. */
export interface Delivery {
  /** Whether new mail arrives in the mailbox; 'unknown' where a program, a file or a list of addresses decides. */
  readonly arrives: 'yes' | 'no' | 'unknown';
  /** The addresses to which mail is forwarded, instead of the mailbox or in addition to it. Some are names of local users. */
  readonly forwardsTo: readonly string[];
}

/** What is unusual about the delivery of a mailbox's mail; null where it arrives. */
export type DeliveryProblem = 'only-forwards' | 'receives-nothing' | 'may-receive-nothing';

export function deliveryProblem({ arrives, forwardsTo }: Delivery): DeliveryProblem | null {
  if (arrives === 'yes') return null;
  if (arrives === 'unknown') return 'may-receive-nothing';
  return forwardsTo.length > 0 ? 'only-forwards' : 'receives-nothing';
}

/** The days on which a mail client last logged in, in the server's time zone (`2026-11-24`); null for never. */
export interface LastLogins {
  readonly read: string | null;
  readonly sent: string | null;
}

/** What mail clients have logged in for so far. */
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
  /** A user of databases, who is no Unix user. */
  | 'database-only'
  /** A user of protected folders of the website, who is no Unix user. */
  | 'website-only'
  | 'no-email-address'
  /** The login or the address contains characters that nobody can type, so its settings would be wrong. */
  | 'unreadable';

export interface UserWithoutMail {
  readonly login: string;
  readonly reason: NoMailReason;
}

/** The users of one virtual server, in Virtualmin's order. */
export interface DomainUsers {
  readonly domain: string;
  readonly mailboxes: readonly Mailbox[];
  readonly withoutMail: readonly UserWithoutMail[];
}

/** True where the user may type the e-mail address as user name. Logins are case-sensitive. */
export function loginIsEmailAddress(mailbox: Mailbox): boolean {
  return mailbox.login === mailbox.emailAddress;
}

/** True where Virtualmin sent the text in another encoding than UTF-8, so that some characters are lost. */
export function isUnreadable(text: string): boolean {
  return text.includes('\uFFFD');
}

/**
 * The addresses that a mailbox forwards to, as its own user may see them, on paper too: without the part before the
 * @, because an administrator may have set up the forwarding to somebody else.
 */
export function veiledForwards({ forwardsTo }: Delivery): string[] {
  return [...new Set(forwardsTo.map((address) => address.replace(/^.*@/, '…@')))];
}
