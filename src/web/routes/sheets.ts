import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import type { Router, Request, Response } from 'express';
import type { Cached } from '../../cache/cache';
import type { Dependencies } from '../../dependencies';
import type { Paper } from '../../domain/branding';
import { clientIds, clientTitle, usualClients } from '../../formats/guides';
import { recordAction } from '../middleware/panel';
import { domainOf, loginsOf, repeated, single } from '../query';
import { isSelectionForm, selectionOf, selectionOfOne } from '../selection';
import { logoVersion } from './logo';
import { firstSheet, sheetJob, type SheetJob } from '../sheet-job';
import { mailboxesOrOwn, maxWaitOf, valueOrWaiting } from '../show';
import { isMailboxOwner, linksOf, textsOf } from '../locals';
import type { Domain } from '../../virtualmin/directory';
import { needs, newRouter } from '../access';

/** The sheets as a page to print, one mailbox per printed page. Uses only fresh answers. */
export function sheetsRoutes(dependencies: Dependencies): Router {
  const { directory, now } = dependencies;
  const router = newRouter();

  async function show(request: Request, response: Response, job: SheetJob) {
    await stream(response, job, choicesOf(request, response, job, dependencies));
  }

  /** Null where the waiting page has been sent instead. */
  async function answerOrWaiting(
    request: Request,
    response: Response,
  ): Promise<Cached<Domain> | null> {
    const domain = domainOf(request);
    const look = await directory.lookAtFreshDomain(
      domain,
      maxWaitOf(request),
      loginsOf(request, response),
    );
    const { text } = textsOf(response);
    const title = isMailboxOwner(response)
      ? text('page_sheet')
      : text('page_sheets_of', { domain });
    const page = { title, what: mailboxesOrOwn(response, domain) };
    const there = valueOrWaiting(look, request, response, page, now());
    return there === null ? null : { value: there.value, asOf: there.freshness.asOf };
  }

  router.get('/domains/:domain/sheets', needs('print'), async (request, response) => {
    const answer = await answerOrWaiting(request, response);
    if (answer === null) return;
    const selection = selectionOf(request, answer.value.users);
    const job = await sheetJob(request, response, answer, selection, dependencies);
    await show(request, response, job);
  });

  router.post('/domains/:domain/sheets', needs('print'), async (request, response, next) => {
    if (!isSelectionForm(request)) {
      next();
      return;
    }
    const answer = await directory.freshDomain(domainOf(request), loginsOf(request, response));
    const selection = selectionOf(request, answer.value.users);
    const job = await sheetJob(request, response, answer, selection, dependencies);
    await show(request, response, job);
  });

  router.get(
    '/domains/:domain/mailboxes/:login/sheet',
    needs('print'),
    async (request, response) => {
      const answer = await answerOrWaiting(request, response);
      if (answer === null) return;
      const selection = selectionOfOne(answer.value.users, request.params.login);
      const job = await sheetJob(request, response, answer, selection, dependencies);
      firstSheet(job);
      await show(request, response, job);
    },
  );

  return router;
}

interface Choices {
  readonly method: 'get' | 'post';
  /** Parameters that a new choice keeps. */
  readonly kept: readonly (readonly [string, string])[];
  readonly language: string;
  readonly languages: readonly { readonly code: string; readonly name: string }[];
  readonly paper: Paper;
  readonly clients: readonly {
    readonly id: string;
    readonly title: string;
    readonly chosen: boolean;
  }[];
  /** The URL of the same sheets as a PDF. */
  readonly pdf: string;
}

/** The parameters of a selection, which the form of choices keeps. */
const selectionParameters = [
  'login',
  'chosen',
  'q',
  'differs',
  'never',
  'matching',
  'selected',
  'sort',
  'order',
];

/** The controls above the sheets on the screen: language, clients and paper. */
function choicesOf(
  request: Request,
  response: Response,
  job: SheetJob,
  { languages }: Dependencies,
): Choices {
  const links = linksOf(response);
  const chosen = job.branding.clients ?? usualClients;
  const login = request.params.login;
  const kept = selectionParameters.flatMap((name) =>
    (name === 'login' ? repeated(request, name) : [single(request, name)])
      .filter((value) => value !== '')
      .map((value) => [name, value] as const),
  );
  return {
    method: request.method === 'POST' ? 'post' : 'get',
    kept,
    language: job.texts.code,
    languages: languages.all,
    paper: job.paper,
    clients: clientIds.map((id) => ({
      id,
      title: clientTitle(id, textsOf(response)),
      chosen: chosen.includes(id),
    })),
    pdf:
      typeof login === 'string'
        ? links.mailboxFile(job.domain, login, 'sheet.pdf')
        : links.sheetsFile(job.domain, 'sheets.pdf'),
  };
}

/** Writes a page of thousands of sheets in pieces, so that other requests are served in between. */
async function stream(response: Response, job: SheetJob, choices: Choices): Promise<void> {
  const render = (view: string, locals: object) =>
    new Promise<string>((resolve, reject) => {
      response.render(view, locals, (error: Error | null, html) => {
        if (error === null) resolve(html);
        else reject(error);
      });
    });
  const { paper, texts, without } = job;
  const title = textsOf(response).text('page_sheets_of', { domain: job.domain });
  const { qrPath } = await import('../../formats/sheet');
  const { logo } = job.branding;
  const logoUrl = logo === null ? null : linksOf(response).logo(job.domain, logoVersion(logo));
  async function* pieces() {
    yield await render('sheets/top', { title, count: job.sheets.length, without, choices });
    for (const make of job.sheets) {
      const sheet = make();
      yield await render('sheets/sheet', { sheet, qrPath: qrPath(sheet.qr), logoUrl, paper });
      await setImmediate();
    }
    yield await render('sheets/bottom', { without, texts, paper });
  }
  const count = String(job.sheets.length);
  recordAction(response, 'sheets', { domain: job.domain, count });
  response.type('html');
  await pipeline(Readable.from(pieces()), response);
}
