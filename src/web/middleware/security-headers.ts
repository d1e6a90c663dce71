import type { RequestHandler, Response } from 'express';
import helmet from 'helmet';

/**
 * Headers of every answer. Nothing but our own files runs or is loaded, and nothing is kept. The panel may
 * show us in a frame of its own; nobody else may.
 */
export function securityHeaders(where: 'token' | 'panel'): RequestHandler[] {
  const framed = where === 'panel';
  return [
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'none'"],
          scriptSrc: ["'self'"],
          styleSrc: ["'self'"],
          imgSrc: ["'self'"],
          fontSrc: ["'self'"],
          connectSrc: ["'self'"],
          formAction: ["'self'"],
          baseUri: ["'none'"],
          frameAncestors: [framed ? "'self'" : "'none'"],
        },
      },
      xFrameOptions: { action: framed ? 'sameorigin' : 'deny' },
      // Standalone it speaks plain HTTP on loopback; a TLS proxy in front sets its own.
      strictTransportSecurity: false,
    }),
    (_request, response, next) => {
      response.set('Cache-Control', 'no-store');
      response.set('Permissions-Policy', 'camera=(), geolocation=(), microphone=()');
      next();
    },
  ];
}

/** Lets a page show a picture that it carries itself: a logo that is not saved yet. */
export function allowOwnPictures(response: Response): void {
  const policy = String(response.getHeader('Content-Security-Policy'));
  response.set('Content-Security-Policy', policy.replace("img-src 'self'", "img-src 'self' data:"));
}
