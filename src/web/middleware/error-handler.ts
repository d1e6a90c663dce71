import type { ErrorRequestHandler, Response } from 'express';
import type { Logger } from 'pino';
import { LockedOutError, RemoteApiError, type RemoteApiErrorCode } from '../../virtualmin/errors';
import type { PageTexts } from '../../texts/page-texts';
import { message, textKey } from '../../texts/message';
import { HttpError } from '../http-error';
import { textsOf } from '../locals';

/** An error as it is shown: the same facts as a page, as JSON and as text. */
export interface ErrorView {
  readonly status: number;
  /** Stable, for programs. */
  readonly code: string;
  readonly title: string;
  readonly message: string;
  /** Details for the administrator; null where there are none, and for other viewers. */
  readonly detail: { readonly text: string; readonly language: string } | null;
  /** Whether trying again may help. */
  readonly tryAgain: boolean;
  /** Seconds after which the page reloads by itself; null where it does not. */
  readonly retryAfter: number | null;
}

/** The HTTP status for each failure of a call to Virtualmin; the texts are `remote_…` and `remote_…_do`. */
const remote: Readonly<Record<RemoteApiErrorCode, number>> = {
  unreachable: 502,
  'tls-not-verifiable': 502,
  'wrong-password': 502,
  'locked-out': 503,
  'not-allowed': 502,
  'no-such-domain': 404,
  'command-failed': 502,
  'not-understood': 502,
  mixed: 502,
  'too-large': 502,
  'timed-out': 504,
};

const codes: Readonly<Record<number, string>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
};

/** What to show for an error. Nothing of an unknown error is shown, and details only to a master admin. */
export function viewOf(error: unknown, now: number, response: Response): ErrorView {
  const view = viewWithDetail(error, now, textsOf(response));
  return response.locals.viewer?.role === 'master-admin' ? view : { ...view, detail: null };
}

function viewWithDetail(
  error: unknown,
  now: number,
  { text, say, code: language }: PageTexts,
): ErrorView {
  if (error instanceof RemoteApiError) {
    const { code } = error;
    const status = remote[code];
    const key = textKey('remote', code);
    if (code === 'no-such-domain') {
      const said = { title: text('error_not_found'), message: text(key), detail: null };
      return { status, code, ...said, tryAgain: true, retryAfter: null };
    }
    const retryAfter =
      error instanceof LockedOutError ? Math.max(1, Math.ceil((error.until - now) / 1000)) : null;
    // As in the log.
    const detail = { text: error.message, language: 'en' };
    const said = { title: text(key), message: text(`${key}_do`), detail };
    return { status, code, ...said, tryAgain: true, retryAfter };
  }
  const known = error instanceof HttpError ? error : clientError(error);
  if (known !== null) {
    const { status, title, words } = known;
    const detail = known.detail === null ? null : { text: say(known.detail), language };
    const code = codes[status] ?? (status < 500 ? 'bad-request' : 'internal');
    const said = { title: say(title), message: say(words), detail };
    return { status, code, ...said, tryAgain: false, retryAfter: null };
  }
  return {
    status: 500,
    code: 'internal',
    title: text('error_internal'),
    message: text('error_internal_do'),
    detail: null,
    tryAgain: true,
    retryAfter: null,
  };
}

/** Express sets a status on errors that the client caused, such as invalid percent-encoding in a path. */
function clientError(error: unknown): HttpError | null {
  const status = (error as { status?: unknown } | null)?.status;
  if (typeof status !== 'number' || status < 400 || status > 499) return null;
  return new HttpError(status, message('error_not_understood'), message('error_address'));
}

/** Answers with the error in the requested format, which the end of the path shows. */
export function errorHandler(log: Logger, now: () => number): ErrorRequestHandler {
  // Express calls only a function of four parameters with an error.
  // eslint-disable-next-line @typescript-eslint/no-unused-vars
  return (error: unknown, request, response, _next) => {
    const view = viewOf(error, now(), response);
    if (view.status >= 500 && !endsEarly(error)) {
      log.warn({ code: view.code, ...details(error) }, 'failed');
    }
    if (response.headersSent || response.destroyed) {
      // A partial answer must not look complete.
      response.destroy();
      return;
    }
    response.status(view.status).removeHeader('Content-Disposition');
    if (view.status === 401) response.set('WWW-Authenticate', 'Bearer');
    if (view.retryAfter !== null) response.set('Retry-After', String(view.retryAfter));
    if (request.path.endsWith('.json')) {
      response.json({ error: { code: view.code, message: view.detail?.text ?? view.message } });
    } else if (/\.(txt|csv)$/.test(request.path)) {
      const words = [
        `${view.title}.`,
        view.message,
        ...(view.detail === null ? [] : [view.detail.text]),
      ];
      response.type('text/plain').send(`${words.join(' ')}\n`);
    } else {
      response.render('pages/error', { view, signedIn: view.status !== 401 });
    }
  };
}

/** Whether an error says only that an answer ends early: the client has left, or has cancelled the job. */
function endsEarly(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ERR_STREAM_PREMATURE_CLOSE';
}

/** For the log: the message of an error of this app; of others only the place, because their message may hold data. */
function details(error: unknown): Record<string, unknown> {
  if (error instanceof RemoteApiError) return { reason: error.message };
  if (!(error instanceof Error)) return {};
  return { error: error.name, at: error.stack?.split('\n').filter((line) => /^\s+at /.test(line)) };
}
