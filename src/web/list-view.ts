import type { Request } from 'express';
import { sortKeys, type MailboxQuery, type SortKey } from '../domain/mailbox-list';
import { pageNumberOf, single, type Parameters } from './query';
import { mailboxQuery } from './selection';

/** Which part of a domain's list of mailboxes is shown, and how. */
export interface ListView extends MailboxQuery {
  /** The number of the page, from 1. */
  readonly number: number;
}

/**
 * What a request wants to see of the list. The button "Search" of the form sends what was typed. The other
 * buttons that show the list again have it in their URLs, because the form contains what was typed since.
 */
export function listViewOf(request: Request): ListView {
  const byUrl: Parameters = { method: 'GET', query: request.query, body: undefined };
  const typed = request.method === 'POST' && single(request, 'search') === '1';
  const given = typed ? request : byUrl;
  return { ...mailboxQuery(given), number: typed ? 1 : pageNumberOf(given) };
}

/** The URL of a view of the list at `path`, without what is the default. */
export function addressOf(path: string, view: ListView): string {
  const parameters = {
    q: view.search,
    differs: view.onlyDiffering ? '1' : '',
    never: view.onlyNever ? '1' : '',
    sort: view.sort === sortKeys[0] ? '' : view.sort,
    order: view.descending ? 'desc' : '',
    page: view.number === 1 ? '' : String(view.number),
  };
  const given = Object.entries(parameters).filter(([, value]) => value !== '');
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`;
}

/** The texts of the columns: the names of Virtualmin's own users table, where it has the column. */
const columnNames: Readonly<Record<SortKey, string>> = {
  address: 'page_address',
  login: 'page_username',
  name: 'page_real_name',
};

/** The columns of the list, each with the URL that sorts by it, or reverses the order. */
export function columnsOf(path: string, view: ListView) {
  return sortKeys.map((key) => {
    const active = view.sort === key;
    const descending = active && !view.descending;
    return {
      key,
      name: columnNames[key],
      address: addressOf(path, { ...view, sort: key, descending, number: 1 }),
      /** As `aria-sort` has it. */
      order: active ? (view.descending ? 'descending' : 'ascending') : 'none',
      arrow: active ? (view.descending ? '↓' : '↑') : '',
    };
  });
}
