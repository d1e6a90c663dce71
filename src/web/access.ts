import { Router, type NextFunction, type Request, type Response } from 'express';
import { maySee, type Permission, type Viewer } from '../domain/viewer';
import { noSuchDomain } from '../virtualmin/client';
import { forbidden } from './http-error';
import { viewerOf } from './locals';
import { domainOf } from './query';

/** What a route requires of its viewer; `nothing` means that anybody may load it. */
export type Requirement = Permission | 'master-admin' | 'branding' | 'nothing';

/**
 * A router whose paths are case-sensitive. Express has that setting for each router, and its own default
 * would also accept `/Domains/…`.
 */
export function newRouter(): Router {
  return Router({ caseSensitive: true });
}

/** A handler that passes on only requests of viewers who meet a requirement. */
export interface Guard {
  <Parameters>(request: Request<Parameters>, response: Response, next: NextFunction): void;
  readonly requirement: Requirement;
}

/** Guards a route by a permission that a master admin may withdraw. Throws a 403. */
export function needs(permission: Permission): Guard {
  return guard(permission, (viewer) => {
    if (!viewer.may.has(permission)) throw forbidden('error_may_not');
  });
}

/** Guards a route that is for master admins only. Throws a 403. */
export function needsMasterAdmin(): Guard {
  return guard('master-admin', ({ role }) => {
    if (role !== 'master-admin') throw forbidden('error_master_only');
  });
}

/**
 * Guards a route by `check`, which throws where the viewer does not meet the requirement. A domain in the
 * route's path is checked before: one that the viewer may not see is answered as one that does not exist.
 */
export function guard(
  requirement: Requirement,
  check: (viewer: Viewer, request: Pick<Request, 'params'>) => void,
): Guard {
  return handler(requirement, (request, response) => {
    const viewer = viewerOf(response);
    if (request.params.domain !== undefined) {
      const domain = domainOf(request);
      if (!maySee(viewer, domain)) throw noSuchDomain(domain);
    }
    check(viewer, request);
  });
}

/** Declares that anybody may load a route, without a viewer. */
export function needsNothing(): Guard {
  return handler('nothing', () => undefined);
}

function handler(
  requirement: Requirement,
  check: (request: Request, response: Response) => void,
): Guard {
  const checked = (request: unknown, response: Response, next: NextFunction) => {
    check(request as Request, response);
    next();
  };
  return Object.assign(checked, { requirement });
}
