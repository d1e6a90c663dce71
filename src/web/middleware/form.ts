import { createHash, timingSafeEqual } from 'node:crypto';
import { parse as parseQuery, type ParsedUrlQuery } from 'node:querystring';
import { text, type Request, type RequestHandler, type Response } from 'express';
import { message } from '../../texts/message';
import { forbidden, HttpError } from '../http-error';

/** Limit for a form in bytes: it may name thousands of mailboxes or contain a logo. */
const maxBytes = 4 * 1024 * 1024;

const maxFields = 50_000;

const urlencoded = 'application/x-www-form-urlencoded';

const body: RequestHandler = text({ type: urlencoded, limit: maxBytes });

/** Uses Node.js's parser: the time of Express's grows with the square of a field's repetitions. */
function fieldsOf(form: unknown): ParsedUrlQuery {
  if (typeof form !== 'string') return {};
  const fields = form.split('&', maxFields + 1);
  if (fields.length > maxFields) throw unreadable(413);
  return parseQuery(form, '&', '=', { maxKeys: 0 });
}

/**
 * Reads the form of a POST into `request.body`, and its file into `request.file`. In the panel the form
 * must contain the token of its page, which pages of other sites cannot know (CSRF).
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
  const limits = { fileSize: maxBytes, files: 1, fieldSize: maxBytes, parts: 100 };
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
  // Standalone, a SameSite=Strict cookie and the request's origin protect against CSRF instead.
  if (expected === undefined) return true;
  const { token } = (request.body ?? {}) as { token?: unknown };
  return typeof token === 'string' && timingSafeEqual(digest(token), digest(expected));
}

/** Compares in constant time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function otherForm() {
  return forbidden('error_other_form');
}
