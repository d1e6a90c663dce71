import type { Request, RequestHandler, Response } from 'express';
import { rateLimit } from 'express-rate-limit';
import type { HttpError } from './http-error';

/** The period of the rate limit in minutes. */
export const minutesCounted = 15;

/** Allows `max` requests in `minutesCounted` minutes for each key, and throws `refusal` for more. */
export function limitTo(
  max: number,
  keyOf: (request: Request, response: Response) => string,
  refusal: () => HttpError,
): RequestHandler {
  return rateLimit({
    windowMs: minutesCounted * 60_000,
    limit: max,
    standardHeaders: false,
    legacyHeaders: false,
    keyGenerator: keyOf,
    handler: () => {
      throw refusal();
    },
  });
}
