import { message, type Message } from '../texts/message';

/** How many mailboxes are selected: in all, on the page that is shown, and out of how many. */
export interface SelectionCounts {
  readonly count: number;
  readonly here: number;
  readonly all: number;
}

/** The texts of selectionWords: the script of the list (views/assets/mailbox-list.js) chooses among them in the same way. */
export const selectionTexts = {
  none: 'page_chosen_none',
  one: 'page_chosen_one',
  'one-elsewhere': 'page_chosen_one_elsewhere',
  many: 'page_chosen_many',
  some: 'page_chosen_some',
  elsewhere: 'page_chosen_elsewhere',
  all: 'page_chosen_all',
} as const;

/** What is selected, in words. `number` formats a number in the viewer's language. */
export function selectionWords(
  { count, here, all }: SelectionCounts,
  number: (value: number) => string,
): Message {
  const name = ((): keyof typeof selectionTexts => {
    if (count === 0) return 'none';
    if (count === 1) return here === 1 ? 'one' : 'one-elsewhere';
    if (count === all) return 'all';
    if (here === count) return 'many';
    return here === 0 ? 'elsewhere' : 'some';
  })();
  const values = { count: number(count), here: number(here), all: number(all) };
  return message(selectionTexts[name], values);
}

/** How many of the missing mailboxes are named. */
const named = 10;

/** That selected mailboxes no longer exist. `count` is their number, which chooses the text. */
export function missingWords(
  logins: readonly string[],
  number: (value: number) => string,
): Message {
  const list = logins.slice(0, named).join(', ') + (logins.length > named ? ', …' : '');
  return logins.length === 1
    ? message('page_missing_one', { logins: list })
    : message('page_missing_many', { count: number(logins.length), logins: list });
}

/** How many mailboxes match the search and the filters. */
export function matchWords(total: number, all: number, number: (value: number) => string): Message {
  if (total === 0) return message('page_no_mailbox');
  if (total === 1) return message('page_match_one', { all: number(all) });
  return message('page_match_many', { count: number(total), all: number(all) });
}
