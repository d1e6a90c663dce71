import { message, type Message } from '../texts/message';

/** An answer that is not what was asked for, in words for whoever asked. */
export class HttpError extends Error {
  override readonly name = 'HttpError';

  constructor(
    readonly status: number,
    readonly title: Message,
    readonly words: Message,
    /** What exactly is wrong, for the administrator; null if there is no more to say. */
    readonly detail: Message | null = null,
  ) {
    super(words.key);
  }
}

/** The keys are those of texts in the language files. */
export function notFound(key = 'error_no_address', values: Message['values'] = {}): HttpError {
  return new HttpError(404, message('error_not_found'), message(key, values));
}

export function badRequest(key: string, values: Message['values'] = {}): HttpError {
  return new HttpError(400, message('error_not_understood'), message(key, values));
}

/** What was asked for exists, but cannot be had as it is now. */
export function conflict(title: string, key: string, values: Message['values'] = {}): HttpError {
  return new HttpError(409, message(title), message(key, values));
}

export function forbidden(key: string): HttpError {
  return new HttpError(403, message('error_not_allowed'), message(key));
}

export function tooMany(title: string, key: string, values: Message['values']): HttpError {
  return new HttpError(429, message(title), message(key, values));
}
