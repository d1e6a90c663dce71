import { Router, type Request, type Response } from 'express';
import { rateLimit } from 'express-rate-limit';
import type { Services } from '../app';
import {
  byRole,
  decideServices,
  provenAsOf,
  type DomainServices,
  type Service,
} from '../../domain/client-settings';
import { loginVerdict, type LoginResult } from '../../domain/login-verdict';
import {
  isBroken,
  observationOf,
  type HostObservations,
  type Observation,
} from '../../domain/observation';
import { observationWords, resultWords, type CheckWords } from '../../formats/check-words';
import { serversCsv } from '../../formats/csv';
import { checkJson } from '../../formats/json';
import { forbidden, notFound, tooMany } from '../http-error';
import { textsOf } from '../middleware/language';
import { recordAction } from '../middleware/panel';
import { viewerOf } from '../middleware/viewer';
import type { PageTexts } from '../../texts/page-texts';
import type { LoginOutcome } from '../../probe/login';
import type { Probes } from '../../probe/probes';
import { textKey } from '../../texts/message';
import { linksOf } from '../links';
import { freshSettings } from '../mailbox-settings';
import { checkedServices, leaving, seenFresh, seenSoFar } from '../../probe/observed-policy';
import { domainOf, single } from '../query';

/** Milliseconds for which a page is held open for ports that have not answered yet. */
const heldOpen = 400;

/** Tries in `window` milliseconds: for one mailbox, and of one user. It is no tool for guessing. */
const triesOfMailbox = 5;
const triesOfUser = 20;
const window = 15 * 60_000;

/** What a page says of the recommended services in a word or two. */
export interface Badge {
  readonly kind: 'proven' | 'broken' | 'unchecked';
  /** Milliseconds since 1970; null where nothing was checked. */
  readonly asOf: number | null;
}

/** The badge of a domain or of one of its mailboxes. Nothing unchecked looks like something proven. */
export function badgeOf(services: DomainServices): Badge {
  const proven = provenAsOf(services);
  if (proven !== null) return { kind: 'proven', asOf: proven };
  const recommended = [services.incoming, services.outgoing].map((of) => byRole(of).recommended);
  const seen = recommended.map((one) => observationOf(services.observations, one));
  const broken = seen.find((one) => one !== null && isBroken(one.observation.result));
  return broken === undefined || broken === null
    ? { kind: 'unchecked', asOf: null }
    : { kind: 'broken', asOf: broken.asOf };
}

/** A port as a row of a table. */
interface CheckRow {
  readonly service: Service;
  readonly observation: Observation;
  readonly words: readonly CheckWords[];
}

function rowsOf({ incoming, outgoing, observations }: DomainServices, t: PageTexts): CheckRow[] {
  return [...incoming, ...outgoing].flatMap((service) => {
    const seen = observationOf(observations, service);
    if (seen === null) return [];
    const { observation } = seen;
    return [{ service, observation, words: observationWords(observation, t) }];
  });
}

/**
 * `/domains/{domain}/check`: what the mail ports answer, and `check.json`; `/servers` the same of every
 * mail host for master admins, and `servers.csv`; and a login tried with a password that somebody types.
 */
export function checkRoutes(services: Services): Router {
  const { directory, policies, log } = services;
  const router = Router();

  async function subjectOf(request: Request<{ domain: string }>) {
    const server = await directory.freshServer(domainOf(request));
    const policy = await policies.of(server);
    const checked = checkedServices(services, server, policy);
    if (checked === null) {
      throw notFound(server.mail ? 'error_not_checked' : 'error_no_mail');
    }
    return { server, policy, checked };
  }

  router.get('/domains/:domain/check', async (request, response) => {
    const { server } = await subjectOf(request);
    const { policy, observations, running, proposedHost } = await seenSoFar(
      services,
      server,
      heldOpen,
    );
    response.render('pages/check', {
      server,
      running,
      proposedHost,
      rows: rowsOf(decideServices(server.name, policy, observations), textsOf(response)),
      mayDiscover: services.discovery !== null,
      hosts: observations,
    });
  });

  router.get('/domains/:domain/check.json', async (request, response) => {
    const { server } = await subjectOf(request);
    const { policy, observations } = await seenFresh(services, server, leaving(response));
    response.json(checkJson(server.name, decideServices(server.name, policy, observations)));
  });

  router.post('/domains/:domain/check', async (request, response) => {
    const { server, checked } = await subjectOf(request);
    await checked.probes.refresh(checked.services, leaving(response));
    response.redirect(303, linksOf(response).check(server.name));
  });

  /** Every mail host, with what is prescribed of it and the domains that use it; `seenOf` asks the ports. */
  async function everyHost(
    response: Response,
    seenOf: (probes: Probes, of: readonly Service[]) => Promise<HostObservations | null>,
  ) {
    if (viewerOf(response).role !== 'master-admin') {
      throw forbidden('error_master_only');
    }
    const { probes } = services;
    if (probes === null) throw notFound('error_not_checked');
    const { value: servers } = await directory.freshServers();
    const hosts = new Map<string, { endpoints: Map<string, Service>; domains: string[] }>();
    for (const server of servers) {
      const policy = await policies.of(server);
      const checked = checkedServices(services, server, policy);
      for (const service of checked?.services ?? []) {
        const known = hosts.get(service.host) ?? {
          endpoints: new Map<string, Service>(),
          domains: [],
        };
        known.endpoints.set(`${service.protocol} ${service.port} ${service.security}`, service);
        if (known.domains.at(-1) !== server.name) known.domains.push(server.name);
        hosts.set(service.host, known);
      }
    }
    const found = await Promise.all(
      [...hosts].map(async ([host, { endpoints, domains }]) => {
        const seen = await seenOf(probes, [...endpoints.values()]);
        return { host, domains, seen, ...summaryOf(seen) };
      }),
    );
    // What needs attention first: what is broken, then certificates by the days that they have left.
    return found.sort(
      (a, b) => b.broken.length - a.broken.length || (a.until ?? Infinity) - (b.until ?? Infinity),
    );
  }

  router.get('/servers', async (_request, response) => {
    const hosts = await everyHost(response, async (probes, of) => {
      const [look] = await probes.look(of, heldOpen);
      return look?.kind === 'answer' ? look.answer.value : null;
    });
    response.render('pages/servers', {
      hosts,
      running: hosts.some(({ seen }) => seen === null),
      now: services.now(),
    });
  });

  router.get('/servers.csv', async (_request, response) => {
    const left = leaving(response);
    const hosts = await everyHost(response, async (probes, of) => {
      const [seen = null] = await probes.observe(of, left);
      return seen;
    });
    response.attachment('mail-servers.csv').send(serversCsv(hosts, textsOf(response)));
  });

  const limits = (most: number, keyOf: (request: Request, response: Response) => string) =>
    rateLimit({
      windowMs: window,
      limit: most,
      standardHeaders: false,
      legacyHeaders: false,
      keyGenerator: keyOf,
      handler: () => {
        throw tooMany('error_many_tries', 'error_many_tries_do', {
          of_mailbox: triesOfMailbox,
          of_user: triesOfUser,
          minutes: window / 60_000,
        });
      },
    });

  // Where a panel leads back to after a log-in in the middle of it.
  router.get('/domains/:domain/mailboxes/:login/try', (request, response) => {
    response.redirect(303, linksOf(response).mailbox(domainOf(request), request.params.login));
  });

  router.post(
    '/domains/:domain/mailboxes/:login/try',
    limits(triesOfMailbox, (request) => `${domainOf(request)} ${String(request.params.login)}`),
    limits(triesOfUser, (_request, response) => viewerOf(response).user),
    async (request: Request<{ domain: string; login: string }>, response: Response) => {
      const password = takePassword(request);
      const { server, policy, checked } = await subjectOf(request);
      if (!policy.tryLogins) throw notFound('error_no_tries');
      const settings = await freshSettings(request, response, services);
      if (password === '') {
        response
          .status(400)
          .render('pages/try', { settings, verdict: null, good: false, tried: [] });
        return;
      }
      const { tryLogin } = await import('../../probe/login');
      const incoming = byRole(settings.incoming).recommended;
      const outgoing = byRole(settings.outgoing).recommended;
      const [read, sent] = await Promise.all([
        tryLogin(incoming, settings.login, password, checked.probes),
        tryLogin(outgoing, settings.login, password, checked.probes),
      ]);
      // After the first: a server may hold a second login back while it refuses one.
      const address =
        settings.loginIsEmailAddress || read.kind === 'not-reached'
          ? null
          : await tryLogin(incoming, settings.emailAddress, password, checked.probes);
      const verdict = loginVerdict({
        incoming: resultOf(read),
        outgoing: resultOf(sent),
        address: address === null ? null : resultOf(address),
      });
      const { user } = viewerOf(response);
      log.info({ user, mailbox: settings.emailAddress, verdict }, 'login tried');
      recordAction(response, 'try', { domain: server.name, login: settings.login, verdict });
      const rows = [
        { service: incoming, name: settings.login, outcome: read },
        { service: outgoing, name: settings.login, outcome: sent },
        ...(address === null
          ? []
          : [{ service: incoming, name: settings.emailAddress, outcome: address }]),
      ];
      response.render('pages/try', {
        settings,
        verdict: textsOf(response).text(textKey('try', verdict)),
        good: verdict === 'works' || verdict === 'works-and-address-does-not',
        tried: rows.map((row) => ({ ...row, words: outcomeWords(row, textsOf(response)) })),
      });
    },
  );

  return router;
}

/** Takes the password out of the form: nothing that comes later has it. */
function takePassword(request: Request<{ domain: string; login: string }>): string {
  const password = single(request, 'password');
  delete (request.body as { password?: unknown }).password;
  return password;
}

function resultOf({ kind }: LoginOutcome): LoginResult {
  return kind === 'accepted' || kind === 'refused' ? kind : 'unknown';
}

function outcomeWords(
  { service, outcome }: { service: Service; outcome: LoginOutcome },
  t: PageTexts,
): string {
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
      return resultWords(service, outcome.result, t).seen;
  }
}

function summaryOf(seen: HostObservations | null) {
  const services = seen?.services ?? [];
  const times = services.flatMap(({ certificate }) => certificate?.until ?? []);
  return {
    broken: services.filter(({ result }) => isBroken(result)),
    weak: services.filter(({ weaknesses }) => weaknesses.length > 0),
    /** When the first of its certificates runs out, in milliseconds since 1970; null where none was seen. */
    until: times.length > 0 ? Math.min(...times) : null,
    loginOnPort25: seen?.loginOnPort25 ?? null,
  };
}
