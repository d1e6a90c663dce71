import type { Router, Request, Response } from 'express';
import type { Dependencies } from '../../dependencies';
import { resultWords } from '../../formats/check-words';
import type { LoginAttempt } from '../../probe/try-mailbox';
import { textKey } from '../../texts/message';
import type { PageTexts } from '../../texts/page-texts';
import { needs, newRouter } from '../access';
import { checkedDomain } from '../checked-domain';
import { notFound, tooMany } from '../http-error';
import { linksOf, textsOf, viewerOf } from '../locals';
import { freshSettings } from '../mailbox-settings';
import { recordAction } from '../middleware/panel';
import { domainOf, single } from '../query';
import { limitTo, minutesCounted } from '../rate-limit';

/** Limits for tests in `minutesCounted` minutes, for one mailbox and by one user, against guessing of passwords. */
const triesOfMailbox = 5;
const triesOfUser = 20;

/** `/domains/{domain}/mailboxes/{login}/try`: tests a login with a typed password. */
export function tryLoginRoutes(dependencies: Dependencies): Router {
  const { log } = dependencies;
  const router = newRouter();
  const path = '/domains/:domain/mailboxes/:login/try';

  // The panel redirects here by GET after a user had to log in to it again.
  router.get(path, needs('check'), (request, response) => {
    response.redirect(303, linksOf(response).mailbox(domainOf(request), request.params.login));
  });

  router.post(
    path,
    needs('check'),
    // Comes first: a user over this limit adds no further login to the counts by mailbox.
    limitTo(triesOfUser, (_request, response) => viewerOf(response).user, tooManyTries),
    limitTo(
      triesOfMailbox,
      (request) => `${domainOf(request)} ${String(request.params.login)}`,
      tooManyTries,
    ),
    async (request: Request<{ domain: string; login: string }>, response: Response) => {
      const password = takePassword(request);
      const { server, policy, probes } = await checkedDomain(dependencies, domainOf(request));
      if (!policy.tryLogins) throw notFound('error_no_tries');
      const settings = await freshSettings(request, response, dependencies);
      if (password === '') {
        response
          .status(400)
          .render('pages/try', { settings, verdict: null, good: false, tried: [] });
        return;
      }
      const { tryMailbox } = await import('../../probe/try-mailbox');
      const { verdict, attempts } = await tryMailbox(settings, password, probes);
      const { user } = viewerOf(response);
      log.info({ user, mailbox: settings.emailAddress, verdict }, 'login tried');
      recordAction(response, 'try', { domain: server.name, login: settings.login, verdict });
      const t = textsOf(response);
      response.render('pages/try', {
        settings,
        verdict: t.text(textKey('try', verdict)),
        good: verdict === 'works' || verdict === 'works-and-address-does-not',
        tried: attempts.map((one) => ({ ...one, words: outcomeWords(one, t) })),
      });
    },
  );

  return router;
}

function tooManyTries() {
  return tooMany('error_many_tries', 'error_many_tries_do', {
    of_mailbox: triesOfMailbox,
    of_user: triesOfUser,
    minutes: minutesCounted,
  });
}

/** Removes the password from the form, so that later code cannot log or show it. */
function takePassword(request: Request<{ domain: string; login: string }>): string {
  const password = single(request, 'password');
  delete (request.body as { password?: unknown }).password;
  return password;
}

function outcomeWords({ service, outcome }: LoginAttempt, t: PageTexts): string {
  switch (outcome.kind) {
    case 'accepted':
      return t.text('try_accepted');
    case 'refused':
      return outcome.words === ''
        ? t.text('try_refused')
        : t.text('try_refused_words', { words: outcome.words });
    case 'server-trouble':
      return t.text('try_trouble', { words: outcome.words });
    case 'not-reached':
      return resultWords(service, outcome.result, t).finding;
  }
}
