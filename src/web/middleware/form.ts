import { createHash, timingSafeEqual } from 'node:crypto';
import { parse as parseQuery, type ParsedUrlQuery } from 'node:querystring';
import { text, type Request, type RequestHandler, type Response } from 'express';
import { message } from '../../texts/message';
import { forbidden, HttpError } from '../http-error';

/** Bytes of a form: it may name thousands of mailboxes, or bring a logo. */
const mostBytes = 4 * 1024 * 1024;

const mostFields = 50_000;

const urlencoded = 'application/x-www-form-urlencoded';

const body: RequestHandler = text({ type: urlencoded, limit: mostBytes });

/** Node.js's own parser: Express's takes a time that grows with the square of how often a field is repeated. */
function fieldsOf(form: unknown): ParsedUrlQuery {
  if (typeof form !== 'string') return {};
  const fields = form.split('&', mostFields + 1);
  if (fields.length > mostFields) throw unreadable(413);
  return parseQuery(form, '&', '=', { maxKeys: 0 });
}

/**
 * Reads the form of a POST into `request.body`, and its file into `request.file`. In the panel it has to
 * bring the token that its page was given, which a page of somebody else's cannot know.
 */
export function forms(): RequestHandler {
  return (request, response, next) => {
    if (request.method !== 'POST') {
      next();
      return;
    }
    const done = (error?: unknown) => {
      if (error !== undefined && error !== null) next(error);
      else if (isOwn(request, response)) next();
      else next(otherForm());
    };
    const withFile = request.is('multipart/form-data') === 'multipart/form-data';
    const read = withFile ? readWithFile : readFields;
    read(request, response).then(done, done);
  };
}

async function readFields(request: Request, response: Response): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    body(request, response, (error?: unknown) => {
      if (error === undefined || error === null) resolve();
      else reject(unreadable((error as { status?: number }).status ?? 400));
    });
  });
  request.body = fieldsOf(request.body);
}

function unreadable(status: number): HttpError {
  return new HttpError(status, message('error_not_understood'), message('error_form'));
}

async function readWithFile(request: Request, response: Response): Promise<void> {
  const { default: multer } = await import('multer');
  const limits = { fileSize: mostBytes, files: 1, fieldSize: mostBytes, parts: 100 };
  const read = multer({ storage: multer.memoryStorage(), limits }).single('logo_file');
  await new Promise<void>((resolve, reject) => {
    read(request, response, (error: unknown) => {
      if (error === undefined || error === null) resolve();
      else reject(unreadable(400));
    });
  });
}

function isOwn(request: Request, response: Response): boolean {
  const { formToken: expected } = response.locals;
  // On its own the app has other locks: a strict cookie, and where a request comes from.
  if (expected === undefined) return true;
  const { token } = (request.body ?? {}) as { token?: unknown };
  return typeof token === 'string' && timingSafeEqual(digest(token), digest(expected));
}

/** Equal lengths, so that the comparison's time tells nothing. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function otherForm() {
  return forbidden('error_other_form');
}
