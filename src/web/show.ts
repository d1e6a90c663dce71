import { setTimeout } from 'node:timers/promises';
import type { Request, Response } from 'express';
import { viewOf, type ErrorView } from './middleware/error-handler';
import type { Look } from '../cache/cache';
import { sameWith, single } from './query';
import { textsOf } from './locals';

/** Milliseconds before a page that has nothing to show yet says that it waits. */
const atOnce = 500;

/**
 * Milliseconds for which the reload of a waiting page is held open: the browser shows the waiting
 * page meanwhile, and the answer the moment it is there.
 */
const heldOpen = 5_000;

/** How long a request may wait for an answer of Virtualmin before it shows that it waits. */
export function patienceOf(request: Request): number {
  return isReload(request) ? heldOpen : atOnce;
}

function isReload(request: Request): boolean {
  return single(request, 'wait') === '1';
}

/** Waits for something until the page that says "waiting" is the better answer. */
export async function soon(done: Promise<unknown>): Promise<void> {
  await Promise.race([done, setTimeout(heldOpen, undefined, { ref: false })]);
}

/** What stands above a kept answer. */
export interface Freshness {
  readonly asOf: number;
  readonly refreshing: boolean;
  readonly failure: ErrorView | null;
}

/**
 * What there is to show. Null where there is nothing yet and the waiting page has been sent instead;
 * throws the failure where there is only that.
 */
export function valueOrWaiting<T>(
  look: Look<T>,
  request: Request,
  response: Response,
  page: { readonly title: string; readonly what: string },
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
        // The parameter has done its work: it would make a later reload wait, or be bookmarked.
        response.redirect(303, sameWith(request, { wait: '' }));
        return null;
      }
      return {
        value: look.answer.value,
        freshness: {
          asOf: look.answer.asOf,
          refreshing: look.refreshing,
          failure: look.failure === null ? null : viewOf(look.failure, now, textsOf(response)),
        },
      };
  }
}
