import type { Request } from 'express';
import type { DomainUsers } from '../domain/mailbox';
import {
  chooseMailboxes,
  selectMailboxes,
  sortKeys,
  type Chosen,
  type MailboxQuery,
} from '../domain/mailbox-list';
import { badRequest, notFound } from './http-error';
import { mailboxOf } from './mailbox-settings';
import { choiceOf, chosenLogins, searchOf, single, type Parameters } from './query';

/** Whether a POST contains a selection. One without it comes from the button "Try again" on an error page. */
export function isSelectionForm(request: Request): boolean {
  return single(request, 'selected') === '1';
}

/** The filters and the order of the list of mailboxes. */
export function mailboxQuery(request: Parameters): MailboxQuery {
  return {
    search: searchOf(request),
    onlyDiffering: single(request, 'differs') === '1',
    onlyNever: single(request, 'never') === '1',
    sort: choiceOf(request, 'sort', sortKeys),
    descending: choiceOf(request, 'order', ['asc', 'desc']) === 'desc',
  };
}

/** The mailboxes that a request is for. */
export interface Selection extends Chosen {
  /** Whether these are all mailboxes of the domain. */
  readonly all: boolean;
}

/** The mailbox with this login, which a path names. Throws a 404 where there is none. */
export function selectionOfOne(users: DomainUsers, login: string): Selection {
  return { mailboxes: [mailboxOf(users, login)], missing: [], all: false };
}

/**
 * The mailboxes that a request selects: those with a given login, else all that match the search (`q`,
 * `differs`, `never`), else all. A form with check boxes sends `selected=1`, so that no ticked box does not
 * mean all mailboxes; logins in it may be those of deleted mailboxes, which are then `missing`.
 * `matching=1` selects all that match, whatever is ticked. Throws a 404 for an unknown login without
 * `selected=1` or where nothing is left, and a 400 where nothing is selected.
 */
export function selectionOf(request: Request, users: DomainUsers): Selection {
  const query = mailboxQuery(request);
  if (single(request, 'matching') !== '1') {
    const logins = chosenLogins(request);
    if (logins.length > 0) return withLogins(users, query, logins, isSelectionForm(request));
    if (isSelectionForm(request)) throw badRequest('error_none_ticked');
  }
  const mailboxes = selectMailboxes(users, query);
  if (mailboxes.length === 0 && users.mailboxes.length > 0) {
    throw notFound('error_none_matches');
  }
  return { mailboxes, missing: [], all: mailboxes.length === users.mailboxes.length };
}

function withLogins(
  users: DomainUsers,
  query: MailboxQuery,
  logins: readonly string[],
  mayMiss: boolean,
): Selection {
  const { mailboxes, missing } = chooseMailboxes(users, logins, query);
  const [login] = missing;
  if (login !== undefined && !(mayMiss && mailboxes.length > 0)) {
    throw notFound('error_no_such_login', { domain: users.domain, login });
  }
  return { mailboxes, missing, all: mayMiss && mailboxes.length === users.mailboxes.length };
}
