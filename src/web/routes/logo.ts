import { createHash } from 'node:crypto';
import type { RequestHandler } from 'express';
import type { Dependencies } from '../../dependencies';
import type { Logo } from '../../domain/branding';
import { notFound } from '../http-error';
import { domainOf } from '../query';

/** Changes with the picture. */
export function logoVersion({ bytes }: Logo): string {
  return createHash('sha256').update(bytes).digest('base64url').slice(0, 16);
}

/** `/domains/{domain}/logo`: the picture on the domain's sheets. It is kept by browsers, since its address changes with it. */
export function sendLogo({ directory, policies }: Dependencies): RequestHandler {
  return async (request, response) => {
    const { logo } = (await policies.of(await directory.freshServer(domainOf(request)))).branding;
    if (logo === null) throw notFound('error_no_logo');
    response.set('Content-Security-Policy', "default-src 'none'; sandbox");
    response.set('Cache-Control', 'private, max-age=86400, immutable');
    response.type(logo.type).send(logo.bytes);
  };
}
