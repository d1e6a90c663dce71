import { domainToUnicode } from 'node:url';
import { Router, type Request, type Response } from 'express';
import type { Services } from '../app';
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
import { textsOf } from '../middleware/language';
import { viewerOf } from '../middleware/viewer';
import { badgeOf } from './check';
import { checkedServices, leaving, seenFresh, seenSoFar } from '../../probe/observed-policy';
import { domainOf, pageNumberOf, sameWith } from '../query';
import { mailboxQuery, selectionOf } from '../selection';
import { patienceOf, soon, valueOrWaiting } from '../show';

/** The texts of the columns: the names of Virtualmin's own users table, where it has the column. */
const columnNames: Readonly<Record<SortKey, string>> = {
  address: 'page_address',
  username: 'page_username',
  name: 'page_real_name',
};

/** `/domains/{domain}`: the mailboxes of one domain, and the same as files. */
export function mailboxesRoutes(services: Services): Router {
  const { directory, policies, now } = services;
  const router = Router();

  router.get('/domains/:domain', async (request, response) => {
    const domain = domainOf(request);
    const query = mailboxQuery(request);
    const number = pageNumberOf(request);
    const look = await directory.lookAtDomain(domain, patienceOf(request));
    const t = textsOf(response);
    const shown = domainToUnicode(domain);
    const page = {
      title: `${t.text('index_title')} · ${shown}`,
      what: t.text('page_what_mailboxes', { domain: shown }),
    };
    const there = valueOrWaiting(look, request, response, page, now());
    if (there === null) return;
    const { server, users } = there.value;
    const { policy, observations } = await seenSoFar(services, server);
    const mayCheck =
      viewerOf(response).may.has('check') && checkedServices(services, server, policy) !== null;
    response.render('pages/mailboxes', {
      mayCheck,
      badge: badgeOf(decideServices(domain, policy, observations)),
      title: page.title,
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

  router.get('/domains/:domain/mailboxes.json', async (request, response) => {
    const { value, asOf } = await directory.freshDomain(domainOf(request));
    response.json(mailboxesJson(value.users, asOf));
  });

  async function csv(request: Request, response: Response) {
    const domain = domainOf(request);
    const { server, users } = (await directory.freshDomain(domain)).value;
    const { policy, observations } = await seenFresh(services, server, leaving(response));
    const { mailboxes } = selectionOf(request, users);
    const all = decideAllClientSettings(mailboxes, server, policy, observations);
    response.attachment(`${domain}-mailboxes.csv`).send(mailboxesCsv(all));
  }

  router.get('/domains/:domain/mailboxes.csv', csv);

  router.post('/domains/:domain/mailboxes.csv', csv);

  router.get('/domains/:domain/dns.txt', async (request, response) => {
    const server = await directory.freshServer(domainOf(request));
    const policy = await policies.of(server);
    // Records are for good: what does not work today is no reason to leave it out.
    response.type('text/plain').send(dnsZone(server.name, decideServices(server.name, policy)));
  });

  // The button "Refresh" of the domain's page and of its mailboxes' pages, and "Try again".
  router.post(['/domains/:domain', '/domains/:domain/*rest'], async (request, response) => {
    await soon(directory.refreshDomain(domainOf(request)));
    response.redirect(303, sameWith(request, { wait: '' }));
  });

  return router;
}

/** A column's heading: it sorts by the column, and the other way round the second time. */
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
