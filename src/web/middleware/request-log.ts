import type { RequestHandler } from 'express';
import type { Logger } from 'pino';
import { isDomainName } from '../../domain/domain-name';

/**
 * Logs one line for each request. Paths and queries contain logins and names, so the log has the route's
 * pattern and, of the request itself, only the domain.
 */
export function requestLog(log: Logger, now: () => number): RequestHandler {
  return (request, response, next) => {
    const began = now();
    // A file in the panel has eleven listeners, five of them from Node.js 18's pipeline: that is not a leak.
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
