import type { Router } from 'express';
import type { Dependencies } from '../../dependencies';
import type { Service } from '../../domain/client-settings';
import { isBroken, type HostObservations } from '../../domain/observation';
import type { VirtualServer } from '../../domain/virtual-server';
import { serversCsv } from '../../formats/csv';
import { checkedServices } from '../../probe/observed-policy';
import type { Probes } from '../../probe/probes';
import { separatorOf } from '../query';
import { needs, needsMasterAdmin, newRouter } from '../access';
import { heldOpenForPorts } from '../checked-domain';
import { clientLeft } from '../client-left';
import { notFound } from '../http-error';
import { textsOf } from '../locals';

/** A mail host, the services that the policies prescribe of it, and the domains that use it. */
interface MailHost {
  readonly host: string;
  readonly services: readonly Service[];
  readonly domains: readonly string[];
}

/** `/servers`: the checks of all mail hosts, for master admins, and `servers.csv`. */
export function serversRoutes(dependencies: Dependencies): Router {
  const { directory } = dependencies;
  const router = newRouter();

  /** Every mail host of these servers with its checks from `observe`, those that need attention first. */
  async function everyHost(
    servers: readonly VirtualServer[],
    observe: (probes: Probes, services: readonly Service[]) => Promise<HostObservations | null>,
  ) {
    const { probes } = dependencies;
    if (probes === null) throw notFound('error_not_checked');
    const hosts = await Promise.all(
      (await hostsOf(servers, dependencies)).map(async ({ host, domains, services }) => {
        const observations = await observe(probes, services);
        return { host, domains, observations, ...summaryOf(observations) };
      }),
    );
    // Broken hosts first, then by the expiry of their certificates.
    return hosts.sort(
      (a, b) => b.broken.length - a.broken.length || (a.until ?? Infinity) - (b.until ?? Infinity),
    );
  }

  router.get('/servers', needs('check'), needsMasterAdmin(), async (_request, response) => {
    const { value: servers } = await directory.freshServers();
    const hosts = await everyHost(servers, async (probes, services) => {
      const [look] = await probes.look(services, heldOpenForPorts);
      return look?.kind === 'answer' ? look.answer.value : null;
    });
    response.render('pages/servers', {
      hosts,
      unknownDomains: dependencies.policies.unknownDomains(servers),
      running: hosts.some(({ observations }) => observations === null),
      now: dependencies.now(),
    });
  });

  router.get('/servers.csv', needs('check'), needsMasterAdmin(), async (request, response) => {
    const separator = separatorOf(request);
    const left = clientLeft(response);
    const { value: servers } = await directory.freshServers();
    const hosts = await everyHost(servers, async (probes, services) => {
      const [observations = null] = await probes.observe(services, left);
      return observations;
    });
    response.attachment('mail-servers.csv').send(serversCsv(hosts, textsOf(response), separator));
  });

  return router;
}

async function hostsOf(
  servers: readonly VirtualServer[],
  dependencies: Pick<Dependencies, 'policies' | 'probes'>,
): Promise<MailHost[]> {
  const hosts = new Map<string, { services: Map<string, Service>; domains: string[] }>();
  for (const server of servers) {
    const policy = await dependencies.policies.of(server);
    for (const service of checkedServices(dependencies, server, policy)?.services ?? []) {
      const { host, protocol, port, security } = service;
      const known = hosts.get(host) ?? { services: new Map<string, Service>(), domains: [] };
      known.services.set(`${protocol} ${port} ${security}`, service);
      if (known.domains.at(-1) !== server.name) known.domains.push(server.name);
      hosts.set(host, known);
    }
  }
  return [...hosts].map(([host, { services, domains }]) => ({
    host,
    services: [...services.values()],
    domains,
  }));
}

function summaryOf(host: HostObservations | null) {
  const services = host?.services ?? [];
  const times = services.flatMap(({ certificate }) => certificate?.until ?? []);
  return {
    broken: services.filter(({ result }) => isBroken(result)),
    weak: services.filter(({ weaknesses }) => weaknesses.length > 0),
    /** When the first of its certificates expires, in milliseconds since 1970; null where there is none. */
    until: times.length > 0 ? Math.min(...times) : null,
    loginOnPort25: host?.loginOnPort25 ?? null,
  };
}
