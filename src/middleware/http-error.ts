/** An answer that is not what was asked for, in words for whoever asked. */
export class HttpError extends Error {
  override readonly name = 'HttpError';

  constructor(
    readonly status: number,
    readonly title: string,
    message: string,
  ) {
    super(message);
  }
}

export function notFound(message = 'There is nothing at this address.'): HttpError {
  return new HttpError(404, 'Not found', message);
}

export function badRequest(message: string): HttpError {
  return new HttpError(400, 'Request not understood', message);
}

/** What was asked for exists, but cannot be had as it is now. */
export function conflict(title: string, message: string): HttpError {
  return new HttpError(409, title, message);
}

export function forbidden(message: string): HttpError {
  return new HttpError(403, 'Not allowed', message);
}
