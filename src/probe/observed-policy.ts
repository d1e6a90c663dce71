import { decideServices, provenAsOf, type Service } from '../domain/client-settings';
import { hostOfCertificate, type Observations } from '../domain/observation';
import type { MailPolicy } from '../domain/policy';
import type { VirtualServer } from '../domain/virtual-server';
import type { Probes } from './probes';

/** Where the policies of domains are from, and what probes their mail ports: null where nothing does. */
export interface Sources {
  readonly policies: { of(server: VirtualServer): Promise<MailPolicy> };
  readonly probes: Probes | null;
}

/** What of a domain is checked: null where nothing is, by the settings or because it has no mail. */
export function checkedServices(
  { probes }: Pick<Sources, 'probes'>,
  server: Pick<VirtualServer, 'name' | 'mail'>,
  policy: MailPolicy,
): { readonly probes: Probes; readonly services: readonly Service[] } | null {
  if (probes === null || !policy.checkServers || !server.mail) return null;
  const { incoming, outgoing } = decideServices(server.name, policy);
  return { probes, services: [...incoming, ...outgoing] };
}

/** The policy of a domain with what was seen of its servers. */
export interface ObservedPolicy {
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
export function observedSoFar(
  sources: Sources,
  server: VirtualServer,
  patience = 0,
): Promise<ObservedPolicy> {
  return observed(sources, server, async ({ probes, services: asked }) => {
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
export function observedFresh(
  sources: Sources,
  server: VirtualServer,
  signal?: AbortSignal,
): Promise<ObservedPolicy> {
  return observed(sources, server, async ({ probes, services: asked }) => ({
    observations: await probes.observe(asked, signal),
    running: false,
  }));
}

async function observed(
  sources: Sources,
  server: VirtualServer,
  look: Look,
): Promise<ObservedPolicy> {
  const policy = await sources.policies.of(server);
  const checked = checkedServices(sources, server, policy);
  if (checked === null) return { policy, observations: [], running: false, proposedHost: null };
  const first = await look(checked);
  const host = hostOfCertificate(first.observations, checked.probes.ownHost);
  if (host === null || policy.certificateHost === 'ignore') {
    return { policy, ...first, proposedHost: null };
  }
  if (policy.certificateHost === 'propose') return { policy, ...first, proposedHost: host };
  const other = { ...policy, incomingHost: host, outgoingHost: host };
  const asked = checkedServices(sources, server, other);
  const second = asked === null ? first : await look(asked);
  // A host that was not seen to work is no better than the one prescribed.
  const works = provenAsOf(decideServices(server.name, other, second.observations)) !== null;
  return works
    ? { policy: other, ...second, proposedHost: null }
    : { policy, ...first, running: first.running || second.running, proposedHost: null };
}
