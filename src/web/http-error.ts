import { said, type Said } from '../texts/message';

/** An answer that is not what was asked for, in words for whoever asked. */
export class HttpError extends Error {
  override readonly name = 'HttpError';

  constructor(
    readonly status: number,
    readonly title: Said,
    readonly words: Said,
    /** What exactly is wrong, in English and for whoever runs the server; null where there is no more to say. */
    readonly detail: string | null = null,
  ) {
    super(words.key);
  }
}

/** The keys are those of texts in the language files. */
export function notFound(key = 'error_no_address', values: Said['values'] = {}): HttpError {
  return new HttpError(404, said('error_not_found'), said(key, values));
}

export function badRequest(key: string, values: Said['values'] = {}): HttpError {
  return new HttpError(400, said('error_not_understood'), said(key, values));
}

/** What was asked for exists, but cannot be had as it is now. */
export function conflict(title: string, key: string, values: Said['values'] = {}): HttpError {
  return new HttpError(409, said(title), said(key, values));
}

export function forbidden(key: string): HttpError {
  return new HttpError(403, said('error_not_allowed'), said(key));
}

export function tooMany(title: string, key: string, values: Said['values']): HttpError {
  return new HttpError(429, said(title), said(key, values));
}
