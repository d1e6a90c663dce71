import { isEmailAddress } from '../domain/email-address';
import {
  isUnreadable,
  type DomainUsers,
  type LastLogins,
  type Mailbox,
  type NoMailReason,
} from '../domain/mailbox';
import type { Row, RowShape } from './answer';
import { deliveryOf } from './delivery';

/** The fields of list-users that are kept. Passwords, their hashes and SSH keys never are. */
const userFields = [
  'domain',
  'unix_username',
  'user',
  'email_address',
  'extra_addresses',
  'real_name',
  'recovery_address',
  'user_type',
  'disabled',
  'no_password_accepted',
  'ftp_access',
  'last_logins',
  'forward_mail_to',
  'mail_location',
  'database_username',
] as const;

type UserField = (typeof userFields)[number];

/** The rows of `list-users --multiline`. */
export const userRows: RowShape<UserField> = {
  fields: userFields,
  // Anything: a user that Virtualmin has not made may have a space in it.
  name: /^/,
  begins: 'user',
  typed: ['real_name'],
};

type UserRow = Row<UserField>;

/** Turns the rows of `list-users --multiline --include-owner` into a domain's users. */
export function toDomainUsers(domain: string, rows: readonly UserRow[]): DomainUsers {
  const mailboxes: Mailbox[] = [];
  const withoutMail: { login: string; reason: NoMailReason }[] = [];
  const recorded = rows.some((row) => row.values.last_logins);
  const withMail = rows.filter((row) => first(row, 'email_address') !== '');
  const addresses = new Map(
    withMail.map((row) => [first(row, 'unix_username'), first(row, 'email_address')]),
  );
  for (const row of rows) {
    const mailbox = toMailbox(row, recorded, (name) => addresses.get(name));
    if (typeof mailbox === 'object') mailboxes.push(mailbox);
    else withoutMail.push({ login: first(row, 'unix_username') || row.name, reason: mailbox });
  }
  return { domain, mailboxes, withoutMail };
}

/** Turns the rows of `list-users --all-domains --multiline --include-owner` into the users of each domain. */
export function toUsersByDomain(rows: readonly UserRow[]): ReadonlyMap<string, DomainUsers> {
  const byDomain = new Map<string, UserRow[]>();
  for (const row of rows) {
    const domain = first(row, 'domain');
    const own = byDomain.get(domain);
    if (own === undefined) byDomain.set(domain, [row]);
    else own.push(row);
  }
  return new Map([...byDomain].map(([name, own]) => [name, toDomainUsers(name, own)]));
}

function toMailbox(
  row: UserRow,
  recorded: boolean,
  addressOf: (login: string) => string | undefined,
): Mailbox | NoMailReason {
  const login = first(row, 'unix_username');
  const emailAddress = first(row, 'email_address');
  if (emailAddress === '') return reasonWithoutMail(row);
  if (!isTypeable(login) || !isTypeable(emailAddress)) return 'unreadable';
  const extraAddresses = extraAddressesOf(row, emailAddress);
  const location = first(row, 'mail_location');
  const recipient = { login, emailAddress, extraAddresses, location };
  return {
    emailAddress,
    login,
    name: first(row, 'user') || login,
    realName: nameIn(oneLine(first(row, 'real_name'))),
    extraAddresses,
    recoveryAddress: recoveryAddress(row),
    delivery: deliveryOf(row.values.forward_mail_to ?? [], recipient, addressOf),
    disabled: first(row, 'disabled') === 'Yes',
    owner: first(row, 'user_type') === 'Server owner',
    passwordAccepted: first(row, 'no_password_accepted') !== 'Yes',
    lastLogins: recorded ? lastLogins(row) : null,
  };
}

/**
 * From 7.10 on, users without a Unix user are listed too, without `unix_username`: those of databases and, with
 * Virtualmin's plugin for them, of protected folders. Their `ftp_access` is "Yes", because they have no shell.
 */
function reasonWithoutMail(row: UserRow): NoMailReason {
  if (first(row, 'database_username') !== '') return 'database-only';
  if (row.values.unix_username === undefined) return 'website-only';
  switch (first(row, 'user_type')) {
    case 'Website manager':
      return 'website-manager';
    case 'Feature plugin user':
      return 'plugin-user';
    case 'Normal user':
      return first(row, 'ftp_access') === 'Yes' ? 'ftp-only' : 'no-email-address';
    default:
      return 'no-email-address';
  }
}

/** Virtualmin gives extra addresses as one string, separated by spaces. A catch-all is `@example.com`. */
function extraAddressesOf(row: UserRow, emailAddress: string): string[] {
  const given = (row.values.extra_addresses ?? []).flatMap((text) => text.split(/\s+/));
  return [...new Set(given)]
    .filter((address) => address !== emailAddress && isTypeable(address))
    .map((address) => (address.startsWith('@') ? `*${address}` : address));
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/**
 * Parses Virtualmin's record of logins, such as `imap 23/Nov/2026 19:33, smtp 24/Nov/2026 08:01`. Other
 * services (Usermin's webmail, SSH, FTP) are ignored: they are not mail clients.
 */
function lastLogins(row: UserRow): LastLogins {
  const days = { imap: null, pop3: null, smtp: null } as Record<string, string | null>;
  for (const part of first(row, 'last_logins').split(',')) {
    const [, service = '', day = '', name = '', year = ''] =
      /^\s*(\w+) (\d\d?)\/([A-Z][a-z]{2})\/(\d{4})\b/.exec(part) ?? [];
    const month = months.indexOf(name) + 1;
    if (!Object.hasOwn(days, service) || month === 0) continue;
    days[service] = [year, month, day].map((one) => String(one).padStart(2, '0')).join('-');
  }
  const { imap = null, pop3 = null, smtp = null } = days;
  const read = [imap, pop3].filter((day) => day !== null).sort();
  return { read: read.at(-1) ?? null, sent: smtp };
}

function recoveryAddress(row: UserRow): string | null {
  const address = first(row, 'recovery_address');
  return isEmailAddress(address) ? address : null;
}

/** True if a person can type the text as shown: no spaces, no invisible and no lost characters. */
function isTypeable(text: string): boolean {
  return text !== '' && !/[\s\p{C}]/u.test(text) && !isUnreadable(text);
}

/** Control characters and line separators, which start a line or a header, and those that change the text direction. */
const disruptive = /[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]+/gu;

/** Characters that an XML document cannot contain (XML 1.0, 2.2 Char), including lone surrogates. */
const notInXml = /[\p{Cs}\uFFFE\uFFFF]/gu;

function oneLine(text: string): string {
  return text.replace(disruptive, ' ').replace(notInXml, '\uFFFD').trim();
}

/**
 * The person's name in a real name. Virtualmin shows and saves the whole GECOS field of the Unix user as "Real
 * name" (save_user.cgi, list-users.pl), and that may hold an office and telephone numbers after the name: adduser,
 * chfn and Webmin's useradmin (`extra_real`) write `name,office,telephone,telephone`, with no comma in a part.
 * Webmin strips commas at the end, as do we (useradmin/edit_user.cgi). util-linux's chfn leaves them out.
 *
 * A comma before a space belongs to the name: "Doe, Jane". The others separate parts, if there are as many as in
 * a whole GECOS field, if the last part is empty, or if a part after the name has a digit. Else the name was typed
 * without the space: "Doe,Jane".
 */
function nameIn(realName: string): string {
  const [name = '', ...details] = realName.split(/,(?! )/);
  const gecos = details.length >= 3 || details.at(-1) === '' || /\p{Nd}/u.test(details.join());
  return gecos ? name.trim() : realName;
}

function first(row: UserRow, field: UserField): string {
  return row.values[field]?.[0] ?? '';
}
