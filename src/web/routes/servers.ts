import type { Router } from 'express';
import type { Dependencies } from '../../dependencies';
import type { Service } from '../../domain/client-settings';
import { isBroken, type HostObservations } from '../../domain/observation';
import type { VirtualServer } from '../../domain/virtual-server';
import { serversCsv } from '../../formats/csv';
import {
  cachedObservations,
  checkedServices,
  freshObservations,
  type ObservedPolicy,
} from '../../probe/observed-policy';
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

  /**
   * Every mail host of these servers with its checks from `observe`, those that need attention first. `decide` makes
   * the checks that a policy depends on.
   */
  async function everyHost(
    servers: readonly VirtualServer[],
    decide: (server: VirtualServer) => Promise<ObservedPolicy>,
    observe: (probes: Probes, services: readonly Service[]) => Promise<HostObservations | null>,
  ) {
    const { probes } = dependencies;
    if (probes === null) throw notFound('error_not_checked');
    const { mailHosts, undecided } = await hostsOf(servers, dependencies, decide);
    const hosts = await Promise.all(
      mailHosts.map(async ({ host, domains, services }) => {
        const observations = await observe(probes, services);
        return { host, domains, observations, ...summaryOf(observations) };
      }),
    );
    // Broken hosts first, then by the expiry of their certificates.
    hosts.sort(
      (a, b) => b.broken.length - a.broken.length || (a.until ?? Infinity) - (b.until ?? Infinity),
    );
    return { hosts, running: undecided || hosts.some(({ observations }) => observations === null) };
  }

  router.get('/servers', needs('check'), needsMasterAdmin(), async (_request, response) => {
    const { value: servers } = await directory.freshServers();
    const decide = (server: VirtualServer) =>
      cachedObservations(dependencies, server, heldOpenForPorts);
    const { hosts, running } = await everyHost(servers, decide, async (probes, services) => {
      const [look] = await probes.look(services, heldOpenForPorts);
      return look?.kind === 'answer' ? look.answer.value : null;
    });
    response.render('pages/servers', {
      hosts,
      unknownDomains: dependencies.policies.unknownDomains(servers),
      running,
      now: dependencies.now(),
    });
  });

  router.get('/servers.csv', needs('check'), needsMasterAdmin(), async (request, response) => {
    const separator = separatorOf(request);
    const left = clientLeft(response);
    const { value: servers } = await directory.freshServers();
    const decide = (server: VirtualServer) => freshObservations(dependencies, server, left);
    const { hosts } = await everyHost(servers, decide, async (probes, services) => {
      const [observations = null] = await probes.observe(services, left);
      return observations;
    });
    response.attachment('mail-servers.csv').send(serversCsv(hosts, textsOf(response), separator));
  });

  return router;
}

/** The mail hosts; `undecided` while checks are running on which the host of a domain depends. */
async function hostsOf(
  servers: readonly VirtualServer[],
  dependencies: Pick<Dependencies, 'policies' | 'probes'>,
  decide: (server: VirtualServer) => Promise<ObservedPolicy>,
): Promise<{ readonly mailHosts: readonly MailHost[]; readonly undecided: boolean }> {
  const decided = await Promise.all(
    servers.map(async (server) => {
      const policy = await dependencies.policies.of(server);
      // Clients are told another host then, where the certificate is not valid for the prescribed one.
      const used = policy.certificateHost === 'use' ? await decide(server) : null;
      return { server, policy: used?.policy ?? policy, running: used?.running ?? false };
    }),
  );
  const hosts = new Map<string, { services: Map<string, Service>; domains: string[] }>();
  for (const { server, policy } of decided) {
    for (const service of checkedServices(dependencies, server, policy)?.services ?? []) {
      const { host, protocol, port, security } = service;
      const known = hosts.get(host) ?? { services: new Map<string, Service>(), domains: [] };
      known.services.set(`${protocol} ${port} ${security}`, service);
      if (known.domains.at(-1) !== server.name) known.domains.push(server.name);
      hosts.set(host, known);
    }
  }
  return {
    mailHosts: [...hosts].map(([host, { services, domains }]) => ({
      host,
      services: [...services.values()],
      domains,
    })),
    undecided: decided.some(({ running }) => running),
  };
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
