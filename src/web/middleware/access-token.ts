import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
import { message } from '../../texts/message';
import { HttpError } from '../http-error';

const cookieName = 'mail_setup_token';

/**
 * Lets in who has the token: as `?token=`, which becomes a cookie and leaves the address bar, as
 * that cookie, or as `Authorization: Bearer`. Everyone else gets a 401.
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

/** Equal lengths, so that the comparison's time tells nothing. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Every value of our cookie: another app on this host may have set one of the same name. */
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

/** A request that changes something counts only from a page of ours; the cookie is strict, and this is the second lock. */
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
  // A path that begins with two slashes would be another host's address.
  return url.pathname.replace(/^\/+/, '/') + url.search;
}
