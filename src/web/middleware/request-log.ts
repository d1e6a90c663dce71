import type { RequestHandler } from 'express';
import type { Logger } from 'pino';
import { isDomainName } from '../../domain/domain-name';

/**
 * One line a request. Paths and queries hold logins and names, so the route is logged as it is
 * written in the code, with nothing of the request's own but the domain.
 */
export function requestLog(log: Logger, now: () => number): RequestHandler {
  return (request, response, next) => {
    const began = now();
    // Eleven listen to the end of a file in the panel, five of them Node.js 18's pipeline: no leak to be warned of.
    response.setMaxListeners(20);
    response.on('close', () => {
      const { domain } = request.params;
      const route = (request.route as { path?: unknown } | undefined)?.path;
      log.info(
        {
          method: request.method,
          route: typeof route === 'string' ? route : null,
          domain: typeof domain === 'string' && isDomainName(domain) ? domain : undefined,
          status: response.statusCode,
          ms: now() - began,
          complete: response.writableFinished,
        },
        'request',
      );
    });
    next();
  };
}
