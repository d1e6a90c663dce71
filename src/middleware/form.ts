import { createHash, timingSafeEqual } from 'node:crypto';
import { urlencoded, type Request, type RequestHandler, type Response } from 'express';
import { badRequest, forbidden } from './http-error';

/** Bytes of a form: it may name thousands of mailboxes, or bring a logo. */
const mostBytes = 4 * 1024 * 1024;

const fields: RequestHandler = urlencoded({
  extended: false,
  limit: mostBytes,
  parameterLimit: 50_000,
});

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
    if (request.is('multipart/form-data') === 'multipart/form-data') {
      readWithFile(request, response).then(done, done);
    } else {
      fields(request, response, done);
    }
  };
}

async function readWithFile(request: Request, response: Response): Promise<void> {
  const { default: multer } = await import('multer');
  const limits = { fileSize: mostBytes, files: 1, fieldSize: mostBytes, parts: 100 };
  const read = multer({ storage: multer.memoryStorage(), limits }).single('logo_file');
  await new Promise<void>((resolve, reject) => {
    read(request, response, (error: unknown) => {
      if (error === undefined || error === null) resolve();
      else reject(badRequest('error_form'));
    });
  });
}

function isOwn(request: Request, response: Response): boolean {
  const expected: unknown = response.locals.formToken;
  // On its own the app has other locks: a strict cookie, and where a request comes from.
  if (typeof expected !== 'string') return true;
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
