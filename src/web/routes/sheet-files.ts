import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Router, Request, Response } from 'express';
import type { Dependencies } from '../../dependencies';
import { badRequest, notFound } from '../http-error';
import { recordAction } from '../middleware/panel';
import { fileName } from '../../formats/file-name';
import { domainOf, loginsOf, single } from '../query';
import { isSelectionForm, selectionOf, selectionOfOne } from '../selection';
import { firstSheet, openFonts, pdfTitle, sheetJob, type SheetJob } from '../sheet-job';
import { Progress } from '../progress';
import { isMailboxOwner } from '../locals';
import { needs, newRouter } from '../access';

/**
 * The sheets as files: `sheet.pdf` for one mailbox, `sheets.pdf` with all in one document, and
 * `sheets.zip` with one document each. The work stops when the client leaves.
 */
export function sheetFilesRoutes(dependencies: Dependencies): Router {
  const { directory } = dependencies;
  const router = newRouter();
  const progress = new Progress();

  /** The sheets of the selected mailboxes. Rejects with a 409 where none of them has one. */
  async function selectedSheets(request: Request, response: Response): Promise<SheetJob> {
    const answer = await directory.freshDomain(domainOf(request), loginsOf(request, response));
    const selection = selectionOf(request, answer.value.users);
    const job = await sheetJob(request, response, answer, selection, dependencies);
    firstSheet(job);
    return job;
  }

  /** Sends the file that `make` creates, and stops when the client leaves or cancels. */
  async function send(
    request: Request,
    response: Response,
    job: SheetJob,
    file: { readonly type: string; readonly name: string },
    make: (signal: AbortSignal, done: (count: number) => void) => Promise<Readable>,
  ): Promise<void> {
    // A mailbox owner can request no job: its name would only displace those of others.
    const id = isMailboxOwner(response) ? '' : single(request, 'job');
    if (id !== '' && !/^[\w-]{8,64}$/.test(id)) throw badRequest('error_job_name');
    response.type(file.type).attachment(fileName(file.name));
    const count = String(job.sheets.length);
    recordAction(response, 'pdf', { domain: job.domain, count, file: file.name });
    const running = progress.start(job.domain, id, job.sheets.length);
    response.once('close', () => {
      if (!response.writableFinished) running.stop();
    });
    try {
      const content = await make(running.signal, running.done);
      // Before the response is closed because of it, which would look as if the client had left.
      content.once('error', () => {
        running.end('failed');
      });
      await pipeline(content, response);
      running.end('finished');
    } catch (error) {
      running.end('failed');
      throw error;
    }
  }

  async function mailboxPdf(request: Request<{ login: string }>, response: Response) {
    const answer = await directory.freshDomain(domainOf(request), loginsOf(request, response));
    const selection = selectionOfOne(answer.value.users, request.params.login);
    const job = await sheetJob(request, response, answer, selection, dependencies);
    const { emailAddress } = firstSheet(job).settings;
    await sendPdf(request, response, job, { subject: emailAddress, name: `${emailAddress}.pdf` });
  }

  async function pdf(request: Request, response: Response) {
    const job = await selectedSheets(request, response);
    const { domain } = job;
    await sendPdf(request, response, job, { subject: domain, name: `${domain}-sheets.pdf` });
  }

  async function sendPdf(
    request: Request,
    response: Response,
    job: SheetJob,
    { subject, name }: { readonly subject: string; readonly name: string },
  ): Promise<void> {
    const { sheetsPdf } = await import('../../formats/pdf/sheets-pdf');
    const file = { type: 'application/pdf', name };
    const title = pdfTitle(job, subject);
    await send(request, response, job, file, async (signal, done) =>
      sheetsPdf({ ...job, title, fonts: await openFonts(dependencies), signal, progress: done }),
    );
  }

  async function zip(request: Request, response: Response) {
    const job = await selectedSheets(request, response);
    const { sheetsZip } = await import('../../formats/pdf/sheets-zip');
    const file = { type: 'application/zip', name: `${job.domain}-sheets.zip` };
    await send(request, response, job, file, async (signal, done) =>
      sheetsZip({ ...job, fonts: await openFonts(dependencies), signal, progress: done }),
    );
  }

  router.get('/domains/:domain/mailboxes/:login/sheet.pdf', needs('print'), mailboxPdf);
  router.get('/domains/:domain/sheets.pdf', needs('print'), pdf);
  router.get('/domains/:domain/sheets.zip', needs('print'), zip);
  router.post('/domains/:domain/sheets.:kind', needs('print'), async (request, response, next) => {
    if (!isSelectionForm(request)) next();
    else if (request.params.kind === 'pdf') await pdf(request, response);
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
