import { readableAddress } from './email-address';
import { connectedOf, loginIsEmailAddress, type DomainUsers, type Mailbox } from './mailbox';

export const sortKeys = ['address', 'login', 'name'] as const;

export type SortKey = (typeof sortKeys)[number];

export interface MailboxQuery {
  /** Words that must all occur in the address, the login, the real name, an extra address or one that mail is forwarded to. */
  readonly search: string;
  /** Only mailboxes whose login is not their address. */
  readonly onlyDiffering: boolean;
  /** Only mailboxes that no mail client has logged in to yet. */
  readonly onlyNever: boolean;
  readonly sort: SortKey;
  readonly descending: boolean;
}

/** Created when first needed: it takes some MB of memory. */
let collator: Intl.Collator | undefined;

function compare(a: string, b: string): number {
  collator ??= new Intl.Collator('en', { numeric: true });
  return collator.compare(a, b);
}

const sortValue: Readonly<Record<SortKey, (mailbox: Mailbox) => string>> = {
  address: (mailbox) => mailbox.emailAddress,
  login: (mailbox) => mailbox.login,
  name: (mailbox) => mailbox.realName,
};

/** Sorted lists by answer: sorting 5,000 names for every page would take too long. */
const sortedLists = new WeakMap<DomainUsers, Map<SortKey, readonly Mailbox[]>>();
const searchTexts = new WeakMap<Mailbox, string>();

/** The mailboxes that match a query, in its order. */
export function selectMailboxes(users: DomainUsers, query: MailboxQuery): readonly Mailbox[] {
  const words = searchWords(query.search);
  const all = sortedBy(users, query.sort);
  const matching =
    words.length === 0 && !query.onlyDiffering && !query.onlyNever
      ? all
      : all.filter(
          (mailbox) =>
            !(query.onlyDiffering && loginIsEmailAddress(mailbox)) &&
            !(query.onlyNever && connectedOf(mailbox) !== 'never') &&
            words.every((word) => searchText(mailbox).includes(word)),
        );
  return query.descending ? [...matching].reverse() : matching;
}

/** Mailboxes chosen by their logins. */
export interface Chosen {
  readonly mailboxes: readonly Mailbox[];
  /** The logins that no mailbox has. */
  readonly missing: readonly string[];
}

/** The mailboxes with these logins, in the order of a query. Its filters are not applied. */
export function chooseMailboxes(
  users: DomainUsers,
  logins: Iterable<string>,
  { sort, descending }: Pick<MailboxQuery, 'sort' | 'descending'>,
): Chosen {
  const wanted = new Set(logins);
  const noFilter = { search: '', onlyDiffering: false, onlyNever: false };
  const everyone = selectMailboxes(users, { ...noFilter, sort, descending });
  const mailboxes = everyone.filter(({ login }) => wanted.delete(login));
  return { mailboxes, missing: [...wanted] };
}

/** How many users would fail if they typed their address as user name. */
export function countDiffering(users: DomainUsers): number {
  return users.mailboxes.filter((mailbox) => !loginIsEmailAddress(mailbox)).length;
}

/** Lower-case words without accents, so that "zoe" finds "Zoë". */
export function searchWords(search: string): string[] {
  return plain(search).split(/\s+/).filter(Boolean);
}

/** A text in lower case without accents. */
export function plain(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
}

function sortedBy(users: DomainUsers, key: SortKey): readonly Mailbox[] {
  const orders = sortedLists.get(users) ?? new Map<SortKey, readonly Mailbox[]>();
  sortedLists.set(users, orders);
  const value = sortValue[key];
  const order = orders.get(key) ?? [...users.mailboxes].sort((a, b) => compare(value(a), value(b)));
  orders.set(key, order);
  return order;
}

function searchText(mailbox: Mailbox): string {
  const known = searchTexts.get(mailbox);
  if (known !== undefined) return known;
  const { emailAddress, login, realName, extraAddresses, delivery } = mailbox;
  const addresses = [emailAddress, ...extraAddresses, ...delivery.forwardsTo];
  const text = plain([...addresses, login, realName, ...addresses.map(readableAddress)].join(' '));
  searchTexts.set(mailbox, text);
  return text;
}
