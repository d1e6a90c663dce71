import { domainToUnicode } from 'node:url';
import type { Router, Request, Response } from 'express';
import type { Dependencies } from '../../dependencies';
import { decideAllClientSettings, decideServices } from '../../domain/client-settings';
import {
  countDiffering,
  selectMailboxes,
  sortKeys,
  type MailboxQuery,
  type SortKey,
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
import { domainOf, loginsOf, pageNumberOf, sameWith } from '../query';
import { mailboxQuery, selectionOf } from '../selection';
import { maxWaitOf, soon, valueOrWaiting } from '../show';
import { textsOf, viewerOf } from '../locals';
import { clientLeft } from '../client-left';
import { needs, newRouter } from '../access';

/** The texts of the columns: the names of Virtualmin's own users table, where it has the column. */
const columnNames: Readonly<Record<SortKey, string>> = {
  address: 'page_address',
  login: 'page_username',
  name: 'page_real_name',
};

/** `/domains/{domain}`: the mailboxes of one domain, as a page and as files. */
export function mailboxesRoutes(dependencies: Dependencies): Router {
  const { directory, policies, now } = dependencies;
  const router = newRouter();

  router.get('/domains/:domain', needs('see'), async (request, response) => {
    const domain = domainOf(request);
    const query = mailboxQuery(request);
    const number = pageNumberOf(request);
    const look = await directory.lookAtDomain(domain, maxWaitOf(request));
    const t = textsOf(response);
    const shown = domainToUnicode(domain);
    const page = {
      title: t.text('index_title'),
      subtitle: shown,
      what: t.text('page_what_mailboxes', { domain: shown }),
    };
    const there = valueOrWaiting(look, request, response, page, now());
    if (there === null) return;
    const { server, users } = there.value;
    const { policy, observations } = await cachedObservations(dependencies, server);
    const mayCheck =
      viewerOf(response).may.has('check') && checkedServices(dependencies, server, policy) !== null;
    response.render('pages/mailboxes', {
      mayCheck,
      badge: badgeOf(decideServices(domain, policy, observations)),
      freshness: there.freshness,
      server,
      users,
      query,
      differing: countDiffering(users),
      page: pageOf(selectMailboxes(users, query), number),
      pageLink: (number: number) => sameWith(request, { page: String(number) }),
      recorded: users.mailboxes.some(({ lastLogins }) => lastLogins !== null),
      mayPrint: viewerOf(response).may.has('print'),
      mayBrand:
        policies.store !== null && mayBrand(viewerOf(response), { kind: 'domain', name: domain }),
      withoutMail: pageOf(users.withoutMail, 1),
      columns: sortKeys.map((key) => ({
        ...columnOf(request, query, key),
        label: t.text(columnNames[key]),
      })),
    });
  });

  router.get('/domains/:domain/mailboxes.json', needs('see'), async (request, response) => {
    const { value, asOf } = await directory.freshDomain(domainOf(request));
    response.json(mailboxesJson(value.users, asOf));
  });

  async function csv(request: Request, response: Response) {
    const domain = domainOf(request);
    const { server, users } = (await directory.freshDomain(domain, loginsOf(request, response)))
      .value;
    const { policy, observations } = await freshObservations(
      dependencies,
      server,
      clientLeft(response),
    );
    const { mailboxes } = selectionOf(request, users);
    const all = decideAllClientSettings(mailboxes, server, policy, observations);
    response.attachment(`${domain}-mailboxes.csv`).send(mailboxesCsv(all));
  }

  router.get('/domains/:domain/mailboxes.csv', needs('see'), csv);

  router.post('/domains/:domain/mailboxes.csv', needs('see'), csv);

  router.get('/domains/:domain/dns.txt', needs('see'), async (request, response) => {
    const server = await directory.freshServer(domainOf(request));
    const policy = await policies.of(server);
    // Without the checks: DNS records are permanent, and a service that fails today still belongs in them.
    response.type('text/plain').send(dnsZone(server.name, decideServices(server.name, policy)));
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

/** A column's heading, with a link that sorts by the column, or reverses the order. */
function columnOf(request: Request, query: MailboxQuery, key: SortKey) {
  const active = query.sort === key;
  const turn = active && !query.descending;
  return {
    link: sameWith(request, { sort: key, order: turn ? 'desc' : '', page: '' }),
    /** As `aria-sort` has it. */
    order: active ? (query.descending ? 'descending' : 'ascending') : 'none',
    arrow: active ? (query.descending ? '↓' : '↑') : '',
  };
}
