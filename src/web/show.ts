import { setTimeout } from 'node:timers/promises';
import type { Request, Response } from 'express';
import { viewOf, type ErrorView } from './middleware/error-handler';
import type { Look } from '../cache/cache';
import { isMailboxOwner, textsOf } from './locals';
import { sameWith, single } from './query';

/** Milliseconds before the waiting page is sent instead of a page without data. */
const atOnce = 500;

/**
 * Milliseconds for which the reload of a waiting page is held open: meanwhile the browser shows the
 * waiting page, and then the answer without further delay.
 */
const heldOpen = 5_000;

/** Milliseconds that a request may wait for an answer of Virtualmin before the waiting page is sent. */
export function maxWaitOf(request: Request): number {
  return isReload(request) ? heldOpen : atOnce;
}

function isReload(request: Request): boolean {
  return single(request, 'wait') === '1';
}

/** Waits for `done`, but not longer than until the waiting page would be sent. */
export async function soon(done: Promise<unknown>): Promise<void> {
  await Promise.race([done, setTimeout(heldOpen, undefined, { ref: false })]);
}

/** The note on a page about the age of its data. */
export interface Freshness {
  readonly asOf: number;
  readonly refreshing: boolean;
  readonly failure: ErrorView | null;
}

/** What a page waits for: the mailboxes of a domain, or a mailbox owner's own settings. */
export function mailboxesOrOwn(response: Response, domain: string): string {
  const { text } = textsOf(response);
  if (isMailboxOwner(response)) return text('page_what_own_mailbox');
  return text('page_what_mailboxes', { domain });
}

/**
 * The answer to show. Null where there is none yet and the waiting page has been sent instead. Throws the
 * failure where there is no answer but a failure.
 */
export function valueOrWaiting<T>(
  look: Look<T>,
  request: Request,
  response: Response,
  page: { readonly title: string; readonly subtitle?: string; readonly what: string },
  now: number,
): { readonly value: T; readonly freshness: Freshness } | null {
  switch (look.kind) {
    case 'failed':
      throw look.failure;
    case 'waiting': {
      const waited = Math.max(0, Math.round((now - look.since) / 1000));
      const reload = sameWith(request, { wait: '1' });
      response.status(202).set('Retry-After', '2');
      response.render('pages/waiting', { ...page, waited, reload });
      return null;
    }
    case 'answer':
      if (isReload(request)) {
        // Without the parameter, so that a later reload does not wait and a bookmark does not contain it.
        response.redirect(303, sameWith(request, { wait: '' }));
        return null;
      }
      return {
        value: look.answer.value,
        freshness: {
          asOf: look.answer.asOf,
          refreshing: look.refreshing,
          failure: look.failure === null ? null : viewOf(look.failure, now, response),
        },
      };
  }
}
