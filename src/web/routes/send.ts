import type { Router, Request, Response } from 'express';
import type { Dependencies } from '../../dependencies';
import type { ClientSettings } from '../../domain/client-settings';
import { isEmailAddress } from '../../domain/email-address';
import { mayWriteMail } from '../../domain/viewer';
import { fileName } from '../../formats/file-name';
import { mailFor, type MailText } from '../../mail/mail-words';
import { MailError, sendMail } from '../../mail/mailer';
import { notFound, tooMany } from '../http-error';
import { recordAction } from '../middleware/panel';
import { message, type Message } from '../../texts/message';
import { domainOf, single } from '../query';
import { limitTo, minutesCounted } from '../rate-limit';
import { mailboxOf } from '../mailbox-settings';
import { firstSheet, openFonts, pdfTitle, sheetJob } from '../sheet-job';
import { linksOf, viewerOf } from '../locals';
import { needs, newRouter } from '../access';

/** Limit for the sheets that one user may send in `minutesCounted` minutes. */
const maxMails = 20;

/** Limits in characters for the subject and for the text before the settings. */
const maxSubjectLength = 200;
const maxTextLength = 5000;

/** The values of the form, and the problem with them. */
interface MailDraft {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** Null where it can be sent. */
  readonly problem: Message | null;
  /** Whether the recipient is the mailbox that the sheet sets up. */
  readonly toItself: boolean;
}

/** `/domains/{domain}/mailboxes/{login}/send`: a sheet by mail, as text and as a PDF. */
export function sendRoutes(dependencies: Dependencies): Router {
  const { directory, policies, mailTransport, log } = dependencies;
  const router = newRouter();

  const limit = limitTo(
    maxMails,
    (_request, response) => viewerOf(response).user,
    () =>
      tooMany('error_many_mails', 'error_many_mails_do', {
        count: maxMails,
        minutes: minutesCounted,
      }),
  );

  async function jobOf(request: Request, response: Response, login: string) {
    const answer = await directory.freshDomain(domainOf(request), [login]);
    const { server, users } = answer.value;
    const { mailFrom: from } = await policies.of(server);
    if (from === null) throw notFound('error_no_sender');
    const mailbox = mailboxOf(users, login);
    const selection = { mailboxes: [mailbox], missing: [], all: false };
    const job = await sheetJob(request, response, answer, selection, dependencies);
    return { job, ...firstSheet(job), recoveryAddress: mailbox.recoveryAddress ?? '', from };
  }

  type SendJob = Awaited<ReturnType<typeof jobOf>>;

  function show(response: Response, { job, settings, from }: SendJob, draft: MailDraft, sent = '') {
    const { languages } = dependencies;
    const path = linksOf(response).send(settings.domain, settings.login);
    response.render('pages/send', {
      ...{ settings, draft, sent, path, from, maxTextLength },
      mayWrite: mayWriteMail(viewerOf(response)),
      language: job.texts.code,
      languages: languages.all,
    });
  }

  router.get(
    '/domains/:domain/mailboxes/:login/send',
    needs('print'),
    async (request, response) => {
      const sendJob = await jobOf(request, response, request.params.login);
      const { settings, job, recoveryAddress: to } = sendJob;
      const template = mailFor(settings, job.branding, job.texts);
      show(
        response,
        sendJob,
        { ...template, to, problem: null, toItself: false },
        single(request, 'sent'),
      );
    },
  );

  const path = '/domains/:domain/mailboxes/:login/send';
  router.post(
    path,
    needs('print'),
    limit,
    async (request: Request<{ login: string }>, response) => {
      const { login } = request.params;
      const sendJob = await jobOf(request, response, login);
      const { job, settings } = sendJob;
      const ours = mailFor(settings, job.branding, job.texts);
      const words = mayWriteMail(viewerOf(response)) ? typed(request) : ours;
      const draft = mailDraftOf(request, words, settings);
      if (draft.problem !== null) {
        response.status(400);
        show(response, sendJob, draft);
        return;
      }
      try {
        await send(draft, sendJob);
      } catch (error) {
        if (!(error instanceof MailError)) throw error;
        log.warn({ domain: settings.domain, reason: error.message }, 'sheet not sent');
        const problem = message('send_problem_server', { reason: error.message });
        response.status(502);
        show(response, sendJob, { ...draft, problem });
        return;
      }
      const { user } = viewerOf(response);
      log.info({ user, mailbox: settings.emailAddress, to: draft.to }, 'sheet sent');
      recordAction(response, 'send', { domain: settings.domain, login, to: draft.to });
      const query = new URLSearchParams({ lang: job.texts.code, sent: draft.to }).toString();
      response.redirect(303, `${linksOf(response).send(settings.domain, login)}?${query}`);
    },
  );

  async function send(
    draft: MailDraft,
    { job, makeSheet, settings, from }: SendJob,
  ): Promise<void> {
    const { sheetText } = await import('../../formats/sheet-text');
    const { sheetsPdf } = await import('../../formats/pdf/sheets-pdf');
    const content = sheetsPdf({
      ...job,
      title: pdfTitle(job, settings.emailAddress),
      fonts: await openFonts(dependencies),
      signal: new AbortController().signal,
      progress: () => undefined,
    });
    const text = `${draft.text.trim()}\n\n${sheetText(makeSheet(), job.texts)}`;
    const name = fileName(`${settings.emailAddress}.pdf`);
    const file = { name, type: 'application/pdf', content };
    await sendMail({ from, to: draft.to, subject: draft.subject, text, file }, mailTransport);
  }

  return router;
}

function typed(request: Request): MailText {
  return {
    subject: single(request, 'subject').trim(),
    text: single(request, 'text').replaceAll('\r\n', '\n'),
  };
}

function mailDraftOf(
  request: Request,
  { subject, text }: MailText,
  settings: ClientSettings,
): MailDraft {
  const to = single(request, 'to').trim();
  const own = [settings.emailAddress, ...settings.extraAddresses];
  const toItself = own.some((address) => address.toLowerCase() === to.toLowerCase());
  const problemOf = (): Message | null => {
    if (!isEmailAddress(to)) return message('send_problem_to', { example: 'bob@example.net' });
    if (toItself && single(request, 'to_itself') !== '1') {
      return message('send_problem_itself');
    }
    if (subject === '' || subject.length > maxSubjectLength || /\p{Cc}/u.test(subject)) {
      return message('send_problem_subject', { count: maxSubjectLength });
    }
    if (text.length > maxTextLength) return message('send_problem_text', { count: maxTextLength });
    return null;
  };
  return { to, subject, text, toItself, problem: problemOf() };
}
