import { setMaxListeners } from 'node:events';
import type { Response } from 'express';
import type { Services } from '../web/app';
import { decideServices, provenAsOf, type Service } from '../domain/client-settings';
import { hostOfCertificate, type Observations } from '../domain/observation';
import type { MailPolicy } from '../domain/policy';
import type { VirtualServer } from '../domain/virtual-server';
import type { Probes } from './probes';

type Known = Pick<Services, 'probes' | 'policies'>;

/** What of a domain is checked: null where nothing is, by the settings or because it has no mail. */
export function checkedServices(
  { probes }: Pick<Services, 'probes'>,
  server: Pick<VirtualServer, 'name' | 'mail'>,
  policy: MailPolicy,
): { readonly probes: Probes; readonly services: readonly Service[] } | null {
  if (probes === null || !policy.checkServers || !server.mail) return null;
  const { incoming, outgoing } = decideServices(server.name, policy);
  return { probes, services: [...incoming, ...outgoing] };
}

/** The policy of a domain with what was seen of its servers. */
export interface Seen {
  readonly policy: MailPolicy;
  readonly observations: Observations;
  /** Whether ports have not answered yet. */
  readonly running: boolean;
  /** The server's own name, where the certificate is good for that and not for the host prescribed, and the policy proposes it. */
  readonly proposedHost: string | null;
}

type Look = (checked: NonNullable<ReturnType<typeof checkedServices>>) => Promise<{
  readonly observations: Observations;
  readonly running: boolean;
}>;

/** What is known now, for the screen; what is not known or too old is looked at behind it. */
export function seenSoFar(services: Known, server: VirtualServer, patience = 0): Promise<Seen> {
  return seen(services, server, async ({ probes, services: asked }) => {
    const looks = await probes.look(asked, patience);
    return {
      observations: looks.flatMap((look) => (look.kind === 'answer' ? look.answer.value : [])),
      running: looks.some(
        (look) => look.kind === 'waiting' || (look.kind === 'answer' && look.refreshing),
      ),
    };
  });
}

/**
 * The same for what leaves the screen: waits until every port has answered, some seconds at most, or until
 * `signal` says that nobody waits any more.
 */
export function seenFresh(
  services: Known,
  server: VirtualServer,
  signal?: AbortSignal,
): Promise<Seen> {
  return seen(services, server, async ({ probes, services: asked }) => ({
    observations: await probes.observe(asked, signal),
    running: false,
  }));
}

/** Aborts when whoever asked has left, or has got the answer. */
export function leaving(response: Response): AbortSignal {
  const controller = new AbortController();
  // Every host of a server may be asked for one answer.
  setMaxListeners(0, controller.signal);
  response.once('close', () => {
    controller.abort();
  });
  return controller.signal;
}

async function seen(services: Known, server: VirtualServer, look: Look): Promise<Seen> {
  const policy = await services.policies.of(server);
  const checked = checkedServices(services, server, policy);
  if (checked === null) return { policy, observations: [], running: false, proposedHost: null };
  const first = await look(checked);
  const host = hostOfCertificate(first.observations, checked.probes.ownHost);
  if (host === null || policy.certificateHost === 'ignore') {
    return { policy, ...first, proposedHost: null };
  }
  if (policy.certificateHost === 'propose') return { policy, ...first, proposedHost: host };
  const other = { ...policy, incomingHost: host, outgoingHost: host };
  const asked = checkedServices(services, server, other);
  const second = asked === null ? first : await look(asked);
  // A host that was not seen to work is no better than the one prescribed.
  const works = provenAsOf(decideServices(server.name, other, second.observations)) !== null;
  return works
    ? { policy: other, ...second, proposedHost: null }
    : { policy, ...first, running: first.running || second.running, proposedHost: null };
}
