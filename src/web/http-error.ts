import { message, type Message } from '../texts/message';

/** An error answer, with texts for the user. */
export class HttpError extends Error {
  override readonly name = 'HttpError';

  constructor(
    readonly status: number,
    readonly title: Message,
    readonly words: Message,
    /** Details for the administrator; null where there are none. */
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

/** The resource exists but is not available in its present state. */
export function conflict(title: string, key: string, values: Message['values'] = {}): HttpError {
  return new HttpError(409, message(title), message(key, values));
}

export function forbidden(key: string): HttpError {
  return new HttpError(403, message('error_not_allowed'), message(key));
}

export function tooMany(title: string, key: string, values: Message['values']): HttpError {
  return new HttpError(429, message(title), message(key, values));
}
