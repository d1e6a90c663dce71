import { Router } from 'express';
import type { Services } from '../app';
import { withImplicitTls } from '../domain/client-settings';
import { whyNoSheet } from '../domain/sheets';
import { settingsText } from '../formats/settings-text';
import { viewerOf } from '../middleware/viewer';
import { settingsOf } from './mailbox-settings';
import { domainOf } from './query';
import { patienceOf, valueOrWaiting } from './show';

/** `/domains/{domain}/mailboxes/{login}`: the settings of one mailbox. */
export function mailboxRoutes({ directory, policies, profileSigner, mail, now }: Services): Router {
  const router = Router();

  router.get('/domains/:domain/mailboxes/:login', async (request, response) => {
    const domain = domainOf(request);
    const { login } = request.params;
    const look = await directory.lookAtDomain(domain, patienceOf(request));
    const page = { title: login, what: `the mailboxes of ${domain}` };
    const there = valueOrWaiting(look, request, response, page, now());
    if (there === null) return;
    const settings = settingsOf(there.value, login, await policies.of(there.value.server));
    const mayPrint = viewerOf(response).may.has('print');
    response.render('pages/mailbox', {
      settings,
      freshness: there.freshness,
      text: settingsText(settings),
      signed: profileSigner !== null,
      mayPrint,
      canSend: mayPrint && mail !== null && whyNoSheet(settings) === null,
      canHaveProfile: withImplicitTls(settings, 'imap') !== null,
    });
  });

  return router;
}
