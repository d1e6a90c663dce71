import type { Router } from 'express';
import { readableDomainName } from '../../domain/domain-name';
import { plain, searchWords } from '../../domain/mailbox-list';
import { pageOf } from '../../domain/page';
import type { VirtualServer } from '../../domain/virtual-server';
import type { Dependencies } from '../../dependencies';
import { domainsJson } from '../../formats/json';
import { maySee } from '../../domain/viewer';
import { mayBrandSomething } from './branding';
import { pageNumberOf, sameWith, searchOf } from '../query';
import { maxWaitOf, soon, valueOrWaiting } from '../show';
import { textsOf, viewerOf } from '../locals';
import { needs, newRouter } from '../access';

/** `/`: the virtual servers, and `/domains.json`. */
export function domainsRoutes({ directory, policies, probes, now }: Dependencies): Router {
  const router = newRouter();

  router.get('/', needs('see'), async (request, response) => {
    const search = searchOf(request);
    const number = pageNumberOf(request);
    const look = await directory.lookAtServers(maxWaitOf(request));
    const t = textsOf(response);
    const page = { title: t.text('index_title'), what: t.text('page_what_servers') };
    const there = valueOrWaiting(look, request, response, page, now());
    if (there === null) return;
    const viewer = viewerOf(response);
    const own = there.value.filter(({ name }) => maySee(viewer, name));
    response.render('pages/domains', {
      freshness: there.freshness,
      search,
      known: own.length,
      described: own.some(({ description }) => description !== ''),
      page: pageOf(matching(own, search), number),
      mayCheckAll: probes !== null && viewer.role === 'master-admin' && viewer.may.has('check'),
      mayBrand: mayBrandSomething(viewer, policies),
      pageLink: (number: number) => sameWith(request, { page: String(number) }),
    });
  });

  router.get('/domains.json', needs('see'), async (_request, response) => {
    const { value, asOf } = await directory.freshServers();
    const viewer = viewerOf(response);
    const own = value.filter(({ name }) => maySee(viewer, name));
    response.json(domainsJson(own, asOf));
  });

  router.post('/', needs('see'), async (request, response) => {
    await soon(directory.refreshServers());
    response.redirect(303, sameWith(request, { wait: '' }));
  });

  return router;
}

function matching(servers: readonly VirtualServer[], search: string): readonly VirtualServer[] {
  const words = searchWords(search);
  if (words.length === 0) return servers;
  return servers.filter((server) => {
    const text = plain(`${server.name} ${readableDomainName(server.name)} ${server.description}`);
    return words.every((word) => text.includes(word));
  });
}
