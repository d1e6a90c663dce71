import type { RequestHandler, Response } from 'express';
import { maySee, type Permission, type Viewer } from '../../domain/viewer';
import { domainOf } from '../query';
import { noSuchDomain } from '../../virtualmin/client';
import { forbidden } from '../http-error';

/** Takes everyone who was let in for the same one: whoever has the access token. */
export function onlyViewer(entry: { readonly viewer: Viewer }): RequestHandler {
  return (_request, response, next) => {
    response.locals.viewer = entry.viewer;
    next();
  };
}

/** Who sent the request that this answers. */
export function viewerOf(response: Response): Viewer {
  return response.locals.viewer as Viewer;
}

/** Hides the domains that are not the viewer's: one of them looks like one that does not exist. */
export function onlyOwnDomains(): RequestHandler {
  return (request, response, next) => {
    const domain = domainOf(request);
    if (!maySee(viewerOf(response), domain)) throw noSuchDomain(domain);
    next();
  };
}

/** Keeps out whom a master admin has kept from this. */
export function onlyIfMay(permission: Permission): RequestHandler {
  return (_request, response, next) => {
    if (!viewerOf(response).may.has(permission)) {
      throw forbidden('error_may_not');
    }
    next();
  };
}
