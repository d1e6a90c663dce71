import type { RequestHandler } from 'express';
import type { Viewer } from '../../domain/viewer';

/** Standalone: one viewer for every request with the access token. */
export function onlyViewer(entry: { readonly viewer: Viewer }): RequestHandler {
  return (_request, response, next) => {
    response.locals.viewer = entry.viewer;
    next();
  };
}
