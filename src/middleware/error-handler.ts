import type { ErrorRequestHandler } from 'express';
import type { Logger } from 'pino';
import { LockedOutError, RemoteApiError, type RemoteApiErrorCode } from '../virtualmin/errors';
import { HttpError } from './http-error';

/** An error as it is shown: the same facts as a page, as JSON and as text. */
export interface ErrorView {
  readonly status: number;
  /** Stable, for programs. */
  readonly code: string;
  readonly title: string;
  readonly message: string;
  /** Whether asking again may help. */
  readonly tryAgain: boolean;
  /** Seconds after which it is worth asking again by itself. */
  readonly retryAfter: number | null;
}

const remote: Readonly<Record<RemoteApiErrorCode, readonly [status: number, title: string]>> = {
  unreachable: [502, 'Virtualmin cannot be reached'],
  'tls-not-verifiable': [502, "The server's certificate cannot be verified"],
  'wrong-password': [502, 'Virtualmin does not accept the password'],
  'locked-out': [503, 'Webmin has locked us out for a minute'],
  'not-allowed': [502, 'Virtualmin does not allow this'],
  'no-such-domain': [404, 'Not found'],
  'command-failed': [502, 'Virtualmin could not answer'],
  'not-understood': [502, "Virtualmin's answer makes no sense"],
  'too-large': [502, "Virtualmin's answer is too large"],
  'timed-out': [504, 'Virtualmin takes too long'],
};

const codes: Readonly<Record<number, string>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
};

/** What to show for an error, whatever it is. Nothing of an unknown one gets out. */
export function viewOf(error: unknown, now: number): ErrorView {
  if (error instanceof RemoteApiError) {
    const [status, title] = remote[error.code];
    if (error.code === 'no-such-domain') {
      const message = 'There is no such domain in Virtualmin.';
      return { status, code: error.code, title, message, tryAgain: true, retryAfter: null };
    }
    const retryAfter =
      error instanceof LockedOutError ? Math.max(1, Math.ceil((error.until - now) / 1000)) : null;
    return { status, code: error.code, title, message: error.message, tryAgain: true, retryAfter };
  }
  const known = error instanceof HttpError ? error : clientError(error);
  if (known !== null) {
    const { status, title, message } = known;
    const code = codes[status] ?? 'bad-request';
    return { status, code, title, message, tryAgain: false, retryAfter: null };
  }
  return {
    status: 500,
    code: 'internal',
    title: 'Something went wrong here',
    message: 'This is a fault of this app, not of your mail server. Its log has the details.',
    tryAgain: true,
    retryAfter: null,
  };
}

/** Express and its parts mark what the client got wrong with a status: a path that is not percent-encoding, say. */
function clientError(error: unknown): HttpError | null {
  const status = (error as { status?: unknown } | null)?.status;
  if (typeof status !== 'number' || status < 400 || status > 499) return null;
  return new HttpError(
    status,
    'Request not understood',
    'The address is not valid. A percent sign in it is written %25.',
  );
}

/** Answers with the error in the format that was asked for: by the ending of the path. */
export function errorHandler(log: Logger, now: () => number): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    // Whoever asked has left: nobody to tell.
    if (response.destroyed) {
      next(error);
      return;
    }
    const view = viewOf(error, now());
    if (view.status >= 500) log.warn({ code: view.code, ...details(error) }, 'failed');
    if (response.headersSent) {
      // Half of an answer must not look like a whole one.
      next(error);
      return;
    }
    response.status(view.status).removeHeader('Content-Disposition');
    if (view.status === 401) response.set('WWW-Authenticate', 'Bearer');
    if (view.retryAfter !== null) response.set('Retry-After', String(view.retryAfter));
    if (request.path.endsWith('.json')) {
      response.json({ error: { code: view.code, message: view.message } });
    } else if (/\.(txt|csv)$/.test(request.path)) {
      response.type('text/plain').send(`${view.title}. ${view.message}\n`);
    } else {
      response.render('pages/error', { view, signedIn: view.status !== 401 });
    }
  };
}

/** For the log: the message of an error of ours, or where an unknown one came from, without its message. */
function details(error: unknown): Record<string, unknown> {
  if (error instanceof RemoteApiError) return { reason: error.message };
  if (!(error instanceof Error)) return {};
  return { error: error.name, at: error.stack?.split('\n').filter((line) => /^\s+at /.test(line)) };
}
