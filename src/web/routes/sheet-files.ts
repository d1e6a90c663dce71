import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Router, type Request, type Response } from 'express';
import type { Dependencies } from '../../dependencies';
import { badRequest, notFound } from '../http-error';
import { recordAction } from '../middleware/panel';
import { fileName } from '../../formats/file-name';
import { domainOf, single } from '../query';
import { isSelectionForm } from '../selection';
import { needSheet, openFonts, pdfTitle, sheetJob, type SheetJob } from '../sheet-job';
import { Progress } from '../progress';
import { needs } from '../access';

/**
 * The sheets as files: `sheet.pdf` of one mailbox, `sheets.pdf` of many in one document, and
 * `sheets.zip` with a document each. A client that leaves stops the work.
 */
export function sheetFilesRoutes(dependencies: Dependencies): Router {
  const { directory } = dependencies;
  const router = Router();
  const progress = new Progress();

  async function jobOf(
    request: Request,
    response: Response,
    login: string | null,
  ): Promise<SheetJob> {
    const { value, asOf } = await directory.freshDomain(domainOf(request));
    const job = await sheetJob(request, response, value, asOf, dependencies, login);
    if (job.sheets.length === 0) needSheet(job);
    return job;
  }

  /** Sends what `make` makes, and stops the work where the client leaves or presses Cancel. */
  async function send(
    request: Request,
    response: Response,
    job: SheetJob,
    file: { readonly type: string; readonly name: string },
    make: (signal: AbortSignal, done: (count: number) => void) => Promise<Readable>,
  ): Promise<void> {
    const id = single(request, 'job');
    if (id !== '' && !/^[\w-]{8,64}$/.test(id)) throw badRequest('error_job_name');
    response.type(file.type).attachment(fileName(file.name));
    const count = String(job.sheets.length);
    recordAction(response, 'pdf', { domain: job.domain, count, file: file.name });
    const running = progress.start(job.domain, id, job.sheets.length);
    response.once('close', () => {
      if (!response.writableFinished) running.stop();
    });
    const body = await make(running.signal, running.done);
    try {
      await pipeline(body, response);
    } catch (error) {
      if (!running.signal.aborted && !response.destroyed) throw error;
      response.destroy();
    } finally {
      running.end();
    }
  }

  async function pdf(request: Request, response: Response, login: string | null) {
    const job = await jobOf(request, response, login);
    const { sheetsPdf } = await import('../../formats/pdf/sheets-pdf');
    const [only] = job.settings;
    const name = login !== null && only !== undefined ? only.emailAddress : `${job.domain}-sheets`;
    const file = { type: 'application/pdf', name: `${name}.pdf` };
    const title = pdfTitle(job, login === null ? job.domain : (only?.emailAddress ?? ''));
    await send(request, response, job, file, async (signal, done) =>
      sheetsPdf({ ...job, title, fonts: await openFonts(dependencies), signal, progress: done }),
    );
  }

  async function zip(request: Request, response: Response) {
    const job = await jobOf(request, response, null);
    const { sheetsZip } = await import('../../formats/pdf/sheets-zip');
    const file = { type: 'application/zip', name: `${job.domain}-sheets.zip` };
    await send(request, response, job, file, async (signal, done) =>
      sheetsZip({ ...job, fonts: await openFonts(dependencies), signal, progress: done }),
    );
  }

  router.get('/domains/:domain/mailboxes/:login/sheet.pdf', needs('print'), (request, response) =>
    pdf(request, response, request.params.login),
  );
  router.get('/domains/:domain/sheets.pdf', needs('print'), (request, response) =>
    pdf(request, response, null),
  );
  router.get('/domains/:domain/sheets.zip', needs('print'), zip);
  router.post('/domains/:domain/sheets.:kind', needs('print'), async (request, response, next) => {
    if (!isSelectionForm(request)) next();
    else if (request.params.kind === 'pdf') await pdf(request, response, null);
    else if (request.params.kind === 'zip') await zip(request, response);
    else throw notFound();
  });

  router.get('/domains/:domain/jobs/:job.json', needs('print'), (request, response) => {
    response.json(progress.find(domainOf(request), request.params.job));
  });
  router.post('/domains/:domain/jobs/:job/cancel', needs('print'), (request, response) => {
    progress.cancel(domainOf(request), request.params.job);
    response.status(204).end();
  });

  return router;
}
