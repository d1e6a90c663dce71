import { createHash } from 'node:crypto';
import type { Router, Request, Response } from 'express';
import type { Dependencies } from '../../dependencies';
import { readableDomainName } from '../../domain/domain-name';
import { decideAllClientSettings, decideServices } from '../../domain/client-settings';
import type { DomainUsers } from '../../domain/mailbox';
import {
  chooseMailboxes,
  countDiffering,
  selectMailboxes,
  type Chosen,
} from '../../domain/mailbox-list';
import { pageOf } from '../../domain/page';
import { mayBrand } from '../../domain/viewer';
import { mailboxesCsv } from '../../formats/csv';
import { dnsZone } from '../../formats/dns-zone';
import { mailboxesJson } from '../../formats/json';
import { badgeOf } from '../badge';
import {
  checkedServices,
  freshObservations,
  cachedObservations,
} from '../../probe/observed-policy';
import { choiceOf, chosenLogins, domainOf, loginsOf, sameWith, separatorOf } from '../query';
import { addressOf, columnsOf, listViewOf, type ListView } from '../list-view';
import { isSelectionForm, mailboxQuery, selectionOf } from '../selection';
import { matchWords, missingWords, selectionTexts, selectionWords } from '../selection-words';
import { maxWaitOf, soon, valueOrWaiting } from '../show';
import { linksOf, textsOf, viewerOf } from '../locals';
import { clientLeft } from '../client-left';
import { notFound } from '../http-error';
import { needs, newRouter } from '../access';

/** Milliseconds that a form with a selection waits for Virtualmin: a waiting page would lose the selection. */
const formWait = 60_000;

const nothingChosen: Chosen = { mailboxes: [], missing: [] };

/** `/domains/{domain}`: the mailboxes of one domain, as a page and as files. */
export function mailboxesRoutes(dependencies: Dependencies): Router {
  const { directory, policies, now } = dependencies;
  const router = newRouter();

  /** The domain that a request names, with the age of the answer. Null where the waiting page has been sent instead. */
  async function domainOrWaiting(request: Request, response: Response) {
    const domain = domainOf(request);
    const wait = request.method === 'POST' ? formWait : maxWaitOf(request);
    const look = await directory.lookAtDomain(domain, wait);
    const t = textsOf(response);
    const shown = readableDomainName(domain);
    const page = {
      title: t.text('index_title'),
      subtitle: shown,
      what: t.text('page_what_mailboxes', { domain: shown }),
    };
    return valueOrWaiting(look, request, response, page, now());
  }

  type Shown = NonNullable<Awaited<ReturnType<typeof domainOrWaiting>>>;

  /** Shows the page with the list, and the mailboxes that are selected in it. */
  async function show(
    response: Response,
    { value: { server, users }, freshness }: Shown,
    view: ListView,
    chosen: Chosen,
  ) {
    const domain = server.name;
    const viewer = viewerOf(response);
    const { policy, observations } = await cachedObservations(dependencies, server);
    const mayCheck =
      viewer.may.has('check') && checkedServices(dependencies, server, policy) !== null;
    const list = listOf(response, users, view, freshness.asOf, chosen);
    const { t, number, onPage } = list;
    const counts = { count: chosen.mailboxes.length, here: onPage.size };
    response.render('pages/mailboxes', {
      ...list,
      mayCheck,
      // With mail off, the page leads to what mail clients are still told.
      mayDiscover: !server.mail && viewer.may.has('check') && dependencies.discovery !== null,
      badge: badgeOf(decideServices(domain, policy, observations)),
      freshness,
      server,
      differing: countDiffering(users),
      mayBrand: policies.store !== null && mayBrand(viewer, { kind: 'domain', name: domain }),
      withoutMail: pageOf(users.withoutMail, 1),
      chosenWords: t.say(selectionWords({ ...counts, all: users.mailboxes.length }, number)),
      chosenTexts: Object.entries(selectionTexts),
      chosenElsewhere: chosen.mailboxes
        .map(({ login }) => login)
        .filter((login) => !onPage.has(login))
        .join(' '),
      missing: chosen.missing.length === 0 ? '' : t.say(missingWords(chosen.missing, number)),
      viewerKey: viewerKeyOf(response),
    });
  }

  router.get('/domains/:domain', needs('see'), async (request, response) => {
    const view = listViewOf(request);
    const there = await domainOrWaiting(request, response);
    if (there !== null) await show(response, there, view, nothingChosen);
  });

  // The table alone, for the script of the page.
  router.get('/domains/:domain/list', needs('see'), async (request, response) => {
    const view = listViewOf(request);
    const there = await domainOrWaiting(request, response);
    if (there === null) return;
    const { value, freshness } = there;
    const list = listOf(response, value.users, view, freshness.asOf, nothingChosen);
    response.render('partials/mailbox-list', { ...list, server: value.server });
  });

  // The logins that match, for the buttons that select them and to find selected ones that no longer exist.
  router.get('/domains/:domain/logins.json', needs('see'), async (request, response) => {
    const domain = domainOf(request);
    const query = mailboxQuery(request);
    const look = await directory.lookAtDomain(domain, formWait);
    const { value, asOf } =
      look.kind === 'answer' ? look.answer : await directory.freshDomain(domain);
    response.json({ asOf, logins: selectMailboxes(value.users, query).map(({ login }) => login) });
  });

  router.get('/domains/:domain/mailboxes.json', needs('see'), async (request, response) => {
    const { value, asOf } = await directory.freshDomain(domainOf(request));
    response.json(mailboxesJson(value.users, asOf));
  });

  async function csv(request: Request, response: Response) {
    const separator = separatorOf(request);
    const domain = domainOf(request);
    const { server, users } = (await directory.freshDomain(domain, loginsOf(request, response)))
      .value;
    const { policy, observations } = await freshObservations(
      dependencies,
      server,
      clientLeft(response),
    );
    const { mailboxes, missing } = selectionOf(request, users);
    const [login] = missing;
    // A table of values has no place to say that one is left out.
    if (login !== undefined) throw notFound('error_no_such_login', { domain, login });
    const all = decideAllClientSettings(mailboxes, server, policy, observations);
    response.attachment(`${domain}-mailboxes.csv`).send(mailboxesCsv(all, separator));
  }

  router.get('/domains/:domain/mailboxes.csv', needs('see'), csv);

  router.post('/domains/:domain/mailboxes.csv', needs('see'), csv);

  router.get('/domains/:domain/dns.txt', needs('see'), async (request, response) => {
    const server = await directory.freshServer(domainOf(request));
    const policy = await policies.of(server);
    // Without the checks: DNS records are permanent, and a service that fails today still belongs in them.
    response.type('text/plain').send(dnsZone(server.name, decideServices(server.name, policy)));
  });

  // The buttons that search, turn the page, sort and select, without JavaScript: the form carries the selection.
  router.post('/domains/:domain', needs('see'), async (request, response, next) => {
    if (!isSelectionForm(request)) {
      next();
      return;
    }
    const view = listViewOf(request);
    const select = choiceOf(request, 'select', ['ticked', 'all', 'matching', 'none']);
    const there = await domainOrWaiting(request, response);
    if (there === null) return;
    const { users } = there.value;
    const logins = select === 'none' ? [] : chosenLogins(request);
    const more =
      select === 'all'
        ? users.mailboxes
        : select === 'matching'
          ? selectMailboxes(users, view)
          : [];
    const chosen = chooseMailboxes(users, [...logins, ...more.map(({ login }) => login)], view);
    if (chosen.mailboxes.length + chosen.missing.length === 0) {
      // A page that can be reloaded and kept as a bookmark.
      response.redirect(303, addressOf(linksOf(response).domain(users.domain), view));
      return;
    }
    await show(response, there, view, chosen);
  });

  // The button "Refresh" of the domain's page and of its mailboxes' pages, and "Try again".
  router.post(
    ['/domains/:domain', '/domains/:domain/*rest'],
    needs('see'),
    async (request, response) => {
      await soon(directory.refreshDomain(domainOf(request)));
      response.redirect(303, sameWith(request, { wait: '' }));
    },
  );

  return router;
}

/** The values of the table: the part of the page that changes with the search, the order and the page number. */
function listOf(
  response: Response,
  users: DomainUsers,
  view: ListView,
  asOf: number,
  chosen: Chosen,
) {
  const t = textsOf(response);
  const path = linksOf(response).domain(users.domain);
  const matching = selectMailboxes(users, view);
  const page = pageOf(matching, view.number);
  const selected = new Set(chosen.mailboxes);
  const number = numbersIn(t.code);
  const filtered = view.search !== '' || view.onlyDiffering || view.onlyNever;
  return {
    t,
    users,
    view,
    asOf,
    page,
    filtered,
    matches: t.say(matchWords(page.total, users.mailboxes.length, number)),
    number,
    /** The logins of the rows that are ticked. */
    onPage: new Set(page.items.filter((one) => selected.has(one)).map(({ login }) => login)),
    columns: columnsOf(path, view),
    listAddress: (changes: Partial<ListView>) => addressOf(path, { ...view, ...changes }),
    recorded: users.mailboxes.some(({ lastLogins }) => lastLogins !== null),
    mayPrint: viewerOf(response).may.has('print'),
  };
}

/** Formats numbers in a language. */
function numbersIn(code: string): (value: number) => string {
  const format = new Intl.NumberFormat(code);
  return (value) => format.format(value);
}

/**
 * Stands for the viewer and their login in the panel. Browsers keep a selection under it, so that the next
 * viewer in the same browser does not get it.
 */
function viewerKeyOf(response: Response): string {
  const { user } = viewerOf(response);
  const { formToken = '' } = response.locals;
  return createHash('sha256').update(`selection ${user}\n${formToken}`).digest('base64url');
}
