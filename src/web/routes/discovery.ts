import type { Router, Request, Response } from 'express';
import type { Dependencies } from '../../dependencies';
import type { DiscoveryOptions } from '../../discovery/discover';
import {
  decideAllClientSettings,
  decideServices,
  withImplicitTls,
  type DomainServices,
  type ClientSettings,
} from '../../domain/client-settings';
import {
  faultsOf,
  guessesLogin,
  outcomeOf,
  settingsFaultsOf,
  unneededIn,
  type AdvertisedServer,
  type Search,
} from '../../domain/discovery';
import { selectMailboxes } from '../../domain/mailbox-list';
import { pageOf } from '../../domain/page';
import type { VirtualServer } from '../../domain/virtual-server';
import {
  advertisedName,
  askedWords,
  clientNames,
  faultWords,
  foundWords,
  settingsFaultWords,
  unneededWords,
} from '../../formats/discovery-words';
import { recordsJson, searchesJson, searchesWithoutMailJson } from '../../formats/json';
import { notFound } from '../http-error';
import type { PageTexts } from '../../texts/page-texts';
import { freshSettings } from '../mailbox-settings';
import { freshObservations } from '../../probe/observed-policy';
import { domainOf, pageNumberOf, sameWith } from '../query';
import { textsOf, viewerOf } from '../locals';
import { clientLeft } from '../client-left';
import { needs, newRouter } from '../access';

/** Mailboxes on a page: each takes six requests. */
const mailboxesOnPage = 25;

/**
 * `/domains/{domain}/mailboxes/{login}/discovery`: what automatic setup of mail clients finds, and
 * `/domains/{domain}/discovery`: the same for all mailboxes, in pages, and for a domain without mail what
 * clients are still told. Both also as JSON.
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

  /** Whether the viewer could have mail clients of the domain answered by the module, and has not. */
  async function couldAnswer(domain: string, response: Response): Promise<boolean> {
    const { entry, directory, policies } = dependencies;
    if (entry.kind !== 'panel' || viewerOf(response).role !== 'master-admin') return false;
    const { clientAnswers } = await policies.of(await directory.freshServer(domain));
    return clientAnswers === 'off';
  }

  /**
   * What clients still find in a domain whose mail is off, for the address that every domain has to have
   * (RFC 2142).
   */
  async function ofDomainWithoutMail(server: VirtualServer) {
    const policy = await dependencies.policies.of(server);
    const { discover } = await import('../../discovery/discover');
    const emailAddress = `postmaster@${server.name}`;
    const hosts = hostsOf(decideServices(server.name, policy));
    return { emailAddress, found: await discover(emailAddress, server.name, hosts, options()) };
  }

  async function ofDomain(request: Request<{ domain: string }>, response: Response) {
    const discoveryOptions = options();
    const number = pageNumberOf(request);
    const { value } = await dependencies.directory.freshDomain(domainOf(request));
    const { server, users } = value;
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
    return { page, mailboxes, srv, mx };
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
          lookups: lookupsOf(search, t),
          outcome: judgedOutcome(search, settings, t),
        })),
        srv: found.srv.map(({ name, server }) => ({
          record: name,
          ...judged(server, settings, t),
        })),
        mx: found.mx,
        canHaveProfile: withImplicitTls(settings, 'imap') !== null,
        couldAnswer: await couldAnswer(settings.domain, response),
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
    const server = await dependencies.directory.freshServer(domainOf(request));
    if (!server.mail) {
      const { emailAddress, found } = await ofDomainWithoutMail(server);
      response.render('pages/discovery-off', {
        ...{ server, emailAddress, mx: found.mx },
        searches: found.searches.map((search) => ({
          client: clientNames[search.client],
          lookups: lookupsOf(search, t),
          ...leftIn(search, t),
        })),
        srv: found.srv.map((one) => ({ record: one.name, name: advertisedName(one.server, t) })),
      });
      return;
    }
    const { page, mailboxes, mx } = await ofDomain(request, response);
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
    const server = await dependencies.directory.freshServer(domainOf(request));
    if (!server.mail) {
      const { emailAddress, found } = await ofDomainWithoutMail(server);
      response.json({
        domain: server.name,
        ...{ page: 1, pages: 1 },
        ...recordsJson(found),
        mailboxes: [],
        withoutMail: searchesWithoutMailJson(emailAddress, found.searches),
      });
      return;
    }
    const { page, mailboxes, srv, mx } = await ofDomain(request, response);
    response.json({
      domain: server.name,
      page: page.number,
      pages: page.of,
      ...recordsJson({ srv, mx }),
      mailboxes: mailboxes.map(({ settings, searches }) => searchesJson(settings, searches)),
      withoutMail: null,
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

function hostsOf({ incoming, outgoing }: Pick<DomainServices, 'incoming' | 'outgoing'>): string[] {
  return [...new Set([...incoming, ...outgoing].map(({ host }) => host))];
}

/** The places where a client looks, with the results in words. */
function lookupsOf({ lookups }: Search, t: PageTexts) {
  return lookups.map(({ asked, found }) => ({
    asked: askedWords(asked),
    words: foundWords(found, t),
  }));
}

function judged(server: AdvertisedServer, settings: ClientSettings, t: PageTexts) {
  return {
    name: advertisedName(server, t),
    faults: faultsOf(server, settings).map((fault) => faultWords(fault, settings.login, t)),
  };
}

/** What a client does after its search, with what is wrong about it for a mailbox. */
function judgedOutcome(search: Search, settings: ClientSettings, t: PageTexts) {
  const outcome = outcomeOf(search);
  switch (outcome.kind) {
    case 'settings':
      return {
        kind: 'settings' as const,
        from: askedWords(outcome.from.asked.slice(-1)),
        servers: outcome.settings.servers.map((server) => judged(server, settings, t)),
        faults: settingsFaultsOf(outcome.settings, settings).map((one) =>
          settingsFaultWords(one, t),
        ),
        unneeded: unneededIn(outcome.settings, settings).map((one) => unneededWords(one, t)),
      };
    case 'elsewhere':
      return {
        kind: 'elsewhere' as const,
        from: askedWords(outcome.from.asked),
        words: foundWords(outcome.from.found, t),
      };
    case 'guesses':
      return {
        kind: 'guesses' as const,
        guess: t.text(search.client === 'thunderbird' ? 'find_guess_both' : 'find_guess_address'),
        right: guessesLogin(search, settings),
        /** Answers that the client took and could not use. */
        refused: search.lookups
          .filter(({ found }) => found.kind === 'refused')
          .map(({ asked, found }) => ({ asked: askedWords(asked), words: foundWords(found, t) })),
      };
  }
}

/** What one client finds for a mailbox, for a row of a table. */
function summaryOf(search: Search, settings: ClientSettings, t: PageTexts) {
  const outcome = judgedOutcome(search, settings, t);
  switch (outcome.kind) {
    case 'settings': {
      const faults = new Set([
        ...outcome.faults,
        ...outcome.servers.flatMap((server) => server.faults),
      ]);
      return { kind: faults.size === 0 ? 'right' : 'wrong', faults: [...faults] };
    }
    case 'elsewhere':
      return { kind: 'unknown', faults: [outcome.words] };
    case 'guesses':
      return {
        kind: outcome.right ? 'guesses' : 'guesses-wrong',
        faults: [
          ...outcome.refused.map(({ words }) => words),
          ...(outcome.right ? [] : [outcome.guess]),
        ],
      };
  }
}

/** What one client still finds in a domain without mail. */
function leftIn(search: Search, t: PageTexts) {
  const outcome = outcomeOf(search);
  if (outcome.kind === 'elsewhere')
    return { names: [], elsewhere: foundWords(outcome.from.found, t) };
  if (outcome.kind === 'guesses') return { names: [], elsewhere: null };
  const { servers, otherAccounts } = outcome.settings;
  return {
    names: [...servers.map((one) => advertisedName(one, t)), ...otherAccounts],
    elsewhere: null,
  };
}
