import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
import { message } from '../../texts/message';
import { HttpError } from '../http-error';

const cookieName = 'mail_setup_token';

/**
 * Accepts requests with the token and answers all others with a 401. The token is in `?token=`, which is
 * turned into a cookie and removed from the URL, in that cookie, or in `Authorization: Bearer`.
 */
export function accessToken(token: string): RequestHandler {
  const expected = digest(token);
  const isRight = (given: string) => timingSafeEqual(digest(given), expected);

  return (request, response, next) => {
    const bearer = /^Bearer (.+)$/i.exec(request.get('Authorization') ?? '')?.[1];
    if (bearer !== undefined && isRight(bearer)) {
      next();
      return;
    }
    const inAddress = request.query.token;
    if (typeof inAddress === 'string' && isRight(inAddress)) {
      response.cookie(cookieName, token, { httpOnly: true, sameSite: 'strict', path: '/' });
      response.redirect(303, withoutToken(request));
      return;
    }
    if (cookies(request).some(isRight) && isOwnForm(request)) {
      next();
      return;
    }
    throw new HttpError(401, message('error_token'), message('error_token_do'));
  };
}

/** Compares in constant time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** All values of the cookie: another app on this host may have set one with the same name. */
function cookies(request: Request): string[] {
  return (request.get('Cookie') ?? '').split(';').flatMap((pair) => {
    const [name, value] = pair.trim().split('=', 2);
    if (name !== cookieName || value === undefined) return [];
    try {
      return [decodeURIComponent(value)];
    } catch {
      return [];
    }
  });
}

/** Whether a request that changes something comes from the app's own page: a second protection beside the SameSite=Strict cookie. */
function isOwnForm(request: Request): boolean {
  if (request.method === 'GET' || request.method === 'HEAD') return true;
  const site = request.get('Sec-Fetch-Site');
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  const origin = request.get('Origin');
  return origin === undefined || origin.replace(/^https?:\/\//, '') === request.get('Host');
}

function withoutToken(request: Request): string {
  const url = new URL(request.originalUrl, 'http://localhost');
  url.searchParams.delete('token');
  // A redirect to a path with two slashes at its beginning would lead to another host.
  return url.pathname.replace(/^\/+/, '/') + url.search;
}
