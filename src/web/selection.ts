import type { Request } from 'express';
import type { DomainUsers, Mailbox } from '../domain/mailbox';
import { selectMailboxes, sortKeys, type MailboxQuery } from '../domain/mailbox-list';
import { badRequest, notFound } from './http-error';
import { mailboxOf } from './mailbox-settings';
import { choiceOf, repeated, searchOf, single } from './query';

/** Whether a POST contains a selection. One without it comes from the button "Try again" on an error page. */
export function isSelectionForm(request: Request): boolean {
  return single(request, 'selected') === '1';
}

/** The filters and the order of the list of mailboxes. */
export function mailboxQuery(request: Request): MailboxQuery {
  return {
    search: searchOf(request),
    onlyDiffering: single(request, 'differs') === '1',
    onlyNever: single(request, 'never') === '1',
    sort: choiceOf(request, 'sort', sortKeys),
    descending: choiceOf(request, 'order', ['asc', 'desc']) === 'desc',
  };
}

/** The mailboxes that a request is for. */
export interface Selection {
  readonly mailboxes: readonly Mailbox[];
  /** Whether these are all mailboxes of the domain. */
  readonly all: boolean;
}

/** The mailbox with this login, which a path names. Throws a 404 where there is none. */
export function selectionOfOne(users: DomainUsers, login: string): Selection {
  return { mailboxes: [mailboxOf(users, login)], all: false };
}

/**
 * The mailboxes that a request selects: those with a given `login`, else all that match the search (`q`,
 * `differs`), else all. A form with check boxes sends `selected=1`, so that no ticked box does not mean
 * all mailboxes, and `matching=1` to select all that match, whatever is ticked. Throws a 404 for an
 * unknown login or where nothing matches, and a 400 where nothing is selected.
 */
export function selectionOf(request: Request, users: DomainUsers): Selection {
  const query = mailboxQuery(request);
  const logins = repeated(request, 'login');
  if (single(request, 'matching') !== '1') {
    if (logins.length > 0) return withLogins(users, query, logins);
    if (single(request, 'selected') === '1') {
      throw badRequest('error_none_ticked');
    }
  }
  const mailboxes = selectMailboxes(users, query);
  if (mailboxes.length === 0 && users.mailboxes.length > 0) {
    throw notFound('error_none_matches');
  }
  return { mailboxes, all: mailboxes.length === users.mailboxes.length };
}

function withLogins(users: DomainUsers, query: MailboxQuery, logins: readonly string[]): Selection {
  const wanted = new Set(logins);
  const everyone = selectMailboxes(users, { ...query, search: '', onlyDiffering: false });
  const mailboxes = everyone.filter(({ login }) => wanted.delete(login));
  const [missing] = wanted;
  if (missing !== undefined) {
    throw notFound('error_no_such_login', { domain: users.domain, login: missing });
  }
  return { mailboxes, all: false };
}
