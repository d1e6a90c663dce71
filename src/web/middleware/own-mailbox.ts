import type { ErrorRequestHandler, RequestHandler } from 'express';
import { RemoteApiError } from '../../virtualmin/errors';
import { HttpError, notFound } from '../http-error';
import { ownMailboxLinks } from '../links';
import { linksOf, viewerOf } from '../locals';

/** The paths that are open to a mailbox owner, with the part after the path of the mailbox that each stands for. */
const ofMailbox: ReadonlyMap<string, string> = new Map([
  ['/', ''],
  ...['/sheet', '/sheet.pdf', '/profile.mobileconfig', '/qr.svg', '/qr.png', '/settings.txt'].map(
    (path) => [path, path] as const,
  ),
]);

/**
 * Limits a mailbox owner to their own mailbox: their paths name neither a domain nor a login, which both
 * come from the viewer. Every path and method that is not listed here is answered with a 404, so a new
 * route is closed to mailbox owners.
 */
export function ownMailbox(): RequestHandler {
  return (request, response, next) => {
    const { role, user, domains } = viewerOf(response);
    if (role !== 'mailbox-owner') {
      next();
      return;
    }
    response.locals.ownMailbox = true;
    response.locals.links = ownMailboxLinks(linksOf(response));
    const [domain = null] = domains === 'all' ? [] : domains;
    if (domain === null) throw noMailboxOf(user);
    const path = pathIn(domain, user, request.path);
    if (path === null || (request.method !== 'GET' && request.method !== 'HEAD')) throw notFound();
    request.url = path + request.url.slice(request.path.length);
    next();
  };
}

/** The path of a mailbox owner's path in the app; null where it is closed. */
function pathIn(domain: string, login: string, path: string): string | null {
  const base = `/domains/${encodeURIComponent(domain)}`;
  if (path === '/logo') return `${base}/logo`;
  const rest = ofMailbox.get(path);
  return rest === undefined ? null : `${base}/mailboxes/${encodeURIComponent(login)}${rest}`;
}

/** Answers a mailbox owner whose login has no mailbox in Virtualmin in words for that user. */
export function noOwnMailbox(): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    const { ownMailbox: own = false, viewer } = response.locals;
    const missing =
      (error instanceof HttpError && error.words.key === 'error_no_such_mailbox') ||
      (error instanceof RemoteApiError && error.code === 'no-such-domain');
    next(own && missing && viewer !== undefined ? noMailboxOf(viewer.user) : error);
  };
}

function noMailboxOf(login: string): HttpError {
  return notFound('error_no_own_mailbox', { login });
}
