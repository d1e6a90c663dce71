import { Router, type Request } from 'express';
import type { Services } from '../app';
import { decideClientSettings, type ClientSettings } from '../domain/client-settings';
import { policyFor } from '../domain/policy';
import { settingsJson } from '../formats/json';
import { settingsText } from '../formats/settings-text';
import { notFound } from '../middleware/http-error';
import type { Domain } from '../virtualmin/directory';
import { domainOf } from './query';
import { patienceOf, valueOrWaiting } from './show';

/** `/domains/{domain}/mailboxes/{login}`: the settings of one mailbox, and the same as files. */
export function mailboxRoutes({ directory, policies, now }: Services): Router {
  const router = Router();

  const settingsOf = ({ server, users }: Domain, login: string): ClientSettings => {
    const mailbox = users.mailboxes.find((one) => one.login === login);
    if (mailbox === undefined) throw noSuchMailbox(users.domain);
    return decideClientSettings(mailbox, server, policyFor(policies, server.name));
  };

  const freshSettings = async (request: Request<{ domain: string; login: string }>) => {
    const { value } = await directory.freshDomain(domainOf(request));
    return settingsOf(value, request.params.login);
  };

  router.get('/domains/:domain/mailboxes/:login', async (request, response) => {
    const domain = domainOf(request);
    const { login } = request.params;
    const look = await directory.lookAtDomain(domain, patienceOf(request));
    const page = { title: login, what: `the mailboxes of ${domain}` };
    const there = valueOrWaiting(look, request, response, page, now());
    if (there === null) return;
    const settings = settingsOf(there.value, login);
    const { freshness } = there;
    response.render('pages/mailbox', { settings, freshness, text: settingsText(settings) });
  });

  router.get('/domains/:domain/mailboxes/:login/settings.txt', async (request, response) => {
    response.type('text/plain').send(settingsText(await freshSettings(request)));
  });

  router.get('/domains/:domain/mailboxes/:login/settings.json', async (request, response) => {
    response.json(settingsJson(await freshSettings(request)));
  });

  return router;
}

function noSuchMailbox(domain: string) {
  return notFound(
    `${domain} has no mailbox with this user name. If it is new, or was renamed: open the domain's page and press Refresh.`,
  );
}
