import type { RequestHandler, Response } from 'express';
import helmet from 'helmet';

/**
 * Security headers of every answer. Browsers run and load only the app's own files and store nothing. Only
 * the panel may show the app in a frame.
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

/** Allows a page to show an image in a data URL: a logo that is not saved yet. */
export function allowOwnPictures(response: Response): void {
  const policy = String(response.getHeader('Content-Security-Policy'));
  response.set('Content-Security-Policy', policy.replace("img-src 'self'", "img-src 'self' data:"));
}
