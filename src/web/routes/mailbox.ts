import type { Router } from 'express';
import type { Dependencies } from '../../dependencies';
import { freshFor } from '../../cache/cache';
import { avoidedIn, withImplicitTls } from '../../domain/client-settings';
import { resultWords } from '../../formats/check-words';
import { whyNoSheet } from '../../domain/sheets';
import { refusals } from '../../formats/guides';
import { settingsText } from '../../formats/settings-text';
import { badgeOf } from '../badge';
import { settingsOf } from '../mailbox-settings';
import { checkedServices, cachedObservations } from '../../probe/observed-policy';
import { domainOf } from '../query';
import { mailboxesOrOwn, maxWaitOf, valueOrWaiting } from '../show';
import { isMailboxOwner, textsOf, viewerOf } from '../locals';
import { needs, newRouter } from '../access';

/** `/domains/{domain}/mailboxes/{login}`: the settings of one mailbox. */
export function mailboxRoutes(dependencies: Dependencies): Router {
  const { directory, profileSigner, now } = dependencies;
  const router = newRouter();

  router.get('/domains/:domain/mailboxes/:login', needs('see'), async (request, response) => {
    const domain = domainOf(request);
    const { login } = request.params;
    // A mailbox owner who is missing in the list loads it no more often than others: see loginsOf.
    const missing = isMailboxOwner(response) ? freshFor : undefined;
    const look = await directory.lookAtDomain(domain, maxWaitOf(request), [login], missing);
    const what = mailboxesOrOwn(response, domain);
    const page = { title: textsOf(response).text('index_title'), subtitle: login, what };
    const there = valueOrWaiting(look, request, response, page, now());
    if (there === null) return;
    const { server } = there.value;
    const { policy, observations } = await cachedObservations(dependencies, server);
    const settings = settingsOf(there.value, login, policy, observations);
    const mayCheck =
      viewerOf(response).may.has('check') && checkedServices(dependencies, server, policy) !== null;
    const mayPrint = viewerOf(response).may.has('print');
    response.render('pages/mailbox', {
      settings,
      freshness: there.freshness,
      text: settingsText(settings, textsOf(response)),
      signed: profileSigner !== null,
      mayPrint,
      mayCheck,
      mayTry: mayCheck && policy.tryLogins,
      badge: badgeOf(settings),
      refusals: refusals(textsOf(response)),
      avoided: avoidedIn(settings, policy).map((one) => ({
        ...one,
        ...resultWords(one.service, one.result, textsOf(response)),
      })),
      canSend:
        mayPrint &&
        !isMailboxOwner(response) &&
        policy.mailFrom !== null &&
        whyNoSheet(settings) === null,
      canHaveProfile: withImplicitTls(settings, 'imap') !== null,
    });
  });

  return router;
}
