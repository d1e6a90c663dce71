import type { Request, RequestHandler, Response } from 'express';
import { rateLimit } from 'express-rate-limit';
import type { HttpError } from './http-error';

/** Minutes over which requests are counted. */
export const minutesCounted = 15;

/** Lets `most` requests through in `minutesCounted` minutes for each key, and throws `refusal` for more. */
export function limitTo(
  most: number,
  keyOf: (request: Request, response: Response) => string,
  refusal: () => HttpError,
): RequestHandler {
  return rateLimit({
    windowMs: minutesCounted * 60_000,
    limit: most,
    standardHeaders: false,
    legacyHeaders: false,
    keyGenerator: keyOf,
    handler: () => {
      throw refusal();
    },
  });
}
