import { Router, type Request } from 'express';
import type { Services } from '../app';
import { faultsOf, toldBy, type ToldServer } from '../domain/discovery';
import { clientNames, faultWords, foundWords, toldName } from '../formats/discovery-words';
import { notFound } from '../middleware/http-error';
import { freshSettings } from './mailbox-settings';

/** `/domains/{domain}/mailboxes/{login}/discovery`: what mail clients would find by themselves, and `discovery.json`. */
export function discoveryRoutes(services: Services): Router {
  const router = Router();

  async function lint(request: Request<{ domain: string; login: string }>) {
    const { discovery } = services;
    if (discovery === null) throw notFound('Nothing is looked up here: this is the demo.');
    const settings = await freshSettings(request, services);
    const { discover } = await import('../discovery/discover');
    const hosts = [...settings.incoming, ...settings.outgoing].map(({ host }) => host);
    const { emailAddress, domain, login } = settings;
    const found = await discover(emailAddress, domain, [...new Set(hosts)], discovery);
    const judged = (server: ToldServer) => ({
      ...server,
      name: toldName(server),
      faults: faultsOf(server, settings).map((fault) => faultWords(fault, login)),
    });
    return {
      settings,
      searches: found.searches.map((search) => ({
        client: clientNames[search.client],
        places: search.places.map(({ url, found: one }) => ({ url, words: foundWords(one) })),
        told: toldBy(search)?.map(judged) ?? null,
      })),
      srv: found.srv.map(({ name, server }) => ({ record: name, ...judged(server) })),
      mx: found.mx,
    };
  }

  router.get('/domains/:domain/mailboxes/:login/discovery', async (request, response) => {
    response.render('pages/discovery', await lint(request));
  });

  router.get('/domains/:domain/mailboxes/:login/discovery.json', async (request, response) => {
    const { settings, ...found } = await lint(request);
    response.json({ emailAddress: settings.emailAddress, login: settings.login, ...found });
  });

  return router;
}
