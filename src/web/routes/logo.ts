import { createHash } from 'node:crypto';
import type { RequestHandler } from 'express';
import type { Dependencies } from '../../dependencies';
import type { Logo } from '../../domain/branding';
import { notFound } from '../http-error';
import { domainOf } from '../query';

/** The version of a logo for its URL: it changes with the image. */
export function logoVersion({ bytes }: Logo): string {
  return createHash('sha256').update(bytes).digest('base64url').slice(0, 16);
}

/** `/domains/{domain}/logo`: the logo on the domain's sheets. Browsers may store it, since its URL changes with it. */
export function sendLogo({ directory, policies }: Dependencies): RequestHandler {
  return async (request, response) => {
    const { logo } = (await policies.of(await directory.freshServer(domainOf(request)))).branding;
    if (logo === null) throw notFound('error_no_logo');
    response.set('Content-Security-Policy', "default-src 'none'; sandbox");
    response.set('Cache-Control', 'private, max-age=86400, immutable');
    response.type(logo.type).send(logo.bytes);
  };
}
