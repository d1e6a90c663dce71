import type { Router, Request, Response } from 'express';
import type { Dependencies } from '../../dependencies';
import type { DiscoveryOptions } from '../../discovery/discover';
import { decideAllClientSettings, type ClientSettings } from '../../domain/client-settings';
import { faultsOf, advertisedIn, type Search, type AdvertisedServer } from '../../domain/discovery';
import { selectMailboxes } from '../../domain/mailbox-list';
import { pageOf } from '../../domain/page';
import { clientNames, faultWords, foundWords, advertisedName } from '../../formats/discovery-words';
import { recordsJson, searchesJson } from '../../formats/json';
import { notFound } from '../http-error';
import type { PageTexts } from '../../texts/page-texts';
import { freshSettings } from '../mailbox-settings';
import { freshObservations } from '../../probe/observed-policy';
import { domainOf, pageNumberOf, sameWith } from '../query';
import { textsOf } from '../locals';
import { clientLeft } from '../client-left';
import { needs, newRouter } from '../access';

/** Mailboxes on a page: each takes six requests. */
const mailboxesOnPage = 25;

/**
 * `/domains/{domain}/mailboxes/{login}/discovery`: what automatic setup of mail clients finds, and
 * `/domains/{domain}/discovery`: the same for all mailboxes, in pages. Both also as JSON.
 */
export function discoveryRoutes(dependencies: Dependencies): Router {
  const router = newRouter();

  function options(): DiscoveryOptions {
    const { discovery } = dependencies;
    if (discovery === null) throw notFound('error_demo');
    return discovery;
  }

  async function ofMailbox(
    request: Request<{ domain: string; login: string }>,
    response: Response,
  ) {
    const discoveryOptions = options();
    const settings = await freshSettings(request, response, dependencies);
    const { discover } = await import('../../discovery/discover');
    const { emailAddress, domain } = settings;
    return {
      settings,
      found: await discover(emailAddress, domain, hostsOf(settings), discoveryOptions),
    };
  }

  async function ofDomain(request: Request<{ domain: string }>, response: Response) {
    const discoveryOptions = options();
    const number = pageNumberOf(request);
    const { value } = await dependencies.directory.freshDomain(domainOf(request));
    const { server, users } = value;
    if (!server.mail) throw notFound('error_no_mail');
    const { policy, observations } = await freshObservations(
      dependencies,
      server,
      clientLeft(response),
    );
    const page = pageOf(selectMailboxes(users, inOrder), number, mailboxesOnPage);
    const all = decideAllClientSettings(page.items, server, policy, observations);
    const { discoverMany } = await import('../../discovery/discover');
    const addresses = all.map(({ emailAddress }) => emailAddress);
    const hosts = all[0] === undefined ? [] : hostsOf(all[0]);
    const { each, srv, mx } = await discoverMany(addresses, server.name, hosts, discoveryOptions);
    const mailboxes = all.map((settings, index) => ({ settings, searches: each[index] ?? [] }));
    return { server, page, mailboxes, srv, mx };
  }

  router.get(
    '/domains/:domain/mailboxes/:login/discovery',
    needs('check'),
    async (request, response) => {
      const t = textsOf(response);
      const { settings, found } = await ofMailbox(request, response);
      response.render('pages/discovery', {
        settings,
        searches: found.searches.map((search) => ({
          client: clientNames[search.client],
          lookups: search.lookups.map(({ url, found: one }) => ({
            url,
            words: foundWords(one, t),
          })),
          advertised: advertisedIn(search)?.map((server) => judged(server, settings, t)) ?? null,
        })),
        srv: found.srv.map(({ name, server }) => ({
          record: name,
          ...judged(server, settings, t),
        })),
        mx: found.mx,
      });
    },
  );

  router.get(
    '/domains/:domain/mailboxes/:login/discovery.json',
    needs('check'),
    async (request, response) => {
      const { settings, found } = await ofMailbox(request, response);
      response.json({ ...searchesJson(settings, found.searches), ...recordsJson(found) });
    },
  );

  router.get('/domains/:domain/discovery', needs('check'), async (request, response) => {
    const t = textsOf(response);
    const { server, page, mailboxes, mx } = await ofDomain(request, response);
    response.render('pages/discovery-all', {
      ...{ server, page, mx },
      clients: Object.values(clientNames),
      rows: mailboxes.map(({ settings, searches }) => ({
        settings,
        summaries: searches.map((search) => summaryOf(search, settings, t)),
      })),
      pageLink: (number: number) => sameWith(request, { page: String(number) }),
    });
  });

  router.get('/domains/:domain/discovery.json', needs('check'), async (request, response) => {
    const { server, page, mailboxes, srv, mx } = await ofDomain(request, response);
    response.json({
      domain: server.name,
      page: page.number,
      pages: page.of,
      ...recordsJson({ srv, mx }),
      mailboxes: mailboxes.map(({ settings, searches }) => searchesJson(settings, searches)),
    });
  });

  return router;
}

const inOrder = {
  search: '',
  onlyDiffering: false,
  onlyNever: false,
  sort: 'address',
  descending: false,
} as const;

function hostsOf({ incoming, outgoing }: ClientSettings): string[] {
  return [...new Set([...incoming, ...outgoing].map(({ host }) => host))];
}

function judged(server: AdvertisedServer, settings: ClientSettings, t: PageTexts) {
  return {
    name: advertisedName(server, t),
    faults: faultsOf(server, settings).map((fault) => faultWords(fault, settings.login, t)),
  };
}

/** What one client finds for a mailbox, for a row of a table. */
function summaryOf(search: Search, settings: ClientSettings, t: PageTexts) {
  const advertised = advertisedIn(search);
  if (advertised === null) {
    // The client then guesses: the address as user name, and common host names.
    return { kind: settings.loginIsEmailAddress ? 'guesses' : 'guesses-wrong', faults: [] };
  }
  const faults = new Set(advertised.flatMap((server) => judged(server, settings, t).faults));
  return { kind: faults.size === 0 ? 'right' : 'wrong', faults: [...faults] };
}
