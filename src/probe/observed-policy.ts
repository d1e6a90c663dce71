import { decideServices, provenAsOf, type Service } from '../domain/client-settings';
import { hostOfCertificate, type Observations } from '../domain/observation';
import type { MailPolicy } from '../domain/policy';
import type { VirtualServer } from '../domain/virtual-server';
import type { Probes } from './probes';

/** The policies of domains, and the checks of mail ports; `probes` is null where ports are not checked. */
export interface Sources {
  readonly policies: { of(server: VirtualServer): Promise<MailPolicy> };
  readonly probes: Probes | null;
}

/** The services of a domain that are checked; null where the settings turn checks off or the domain has no mail. */
export function checkedServices(
  { probes }: Pick<Sources, 'probes'>,
  server: Pick<VirtualServer, 'name' | 'mail'>,
  policy: MailPolicy,
): { readonly probes: Probes; readonly services: readonly Service[] } | null {
  if (probes === null || !policy.checkServers || !server.mail) return null;
  const { incoming, outgoing } = decideServices(server.name, policy);
  return { probes, services: [...incoming, ...outgoing] };
}

/** The policy of a domain with the checks of its servers. */
export interface ObservedPolicy {
  readonly policy: MailPolicy;
  readonly observations: Observations;
  /** Whether checks are still running. */
  readonly running: boolean;
  /** The server's own name, if the certificate is valid for it and not for the prescribed host, and the policy proposes it. */
  readonly proposedHost: string | null;
}

type Look = (checked: NonNullable<ReturnType<typeof checkedServices>>) => Promise<{
  readonly observations: Observations;
  readonly running: boolean;
}>;

/** The cached checks, for a page. Missing or old ones are made in the background. */
export function cachedObservations(
  sources: Sources,
  server: VirtualServer,
  maxWait = 0,
): Promise<ObservedPolicy> {
  return observedPolicy(sources, server, async ({ probes, services }) => {
    const looks = await probes.look(services, maxWait);
    return {
      observations: looks.flatMap((look) => (look.kind === 'answer' ? look.answer.value : [])),
      running: looks.some(
        (look) => look.kind === 'waiting' || (look.kind === 'answer' && look.refreshing),
      ),
    };
  });
}

/**
 * Current checks, for files, sheets and mails: waits until every port has been checked, which takes some
 * seconds at most, or until `signal` aborts because the client has left.
 */
export function freshObservations(
  sources: Sources,
  server: VirtualServer,
  signal?: AbortSignal,
): Promise<ObservedPolicy> {
  return observedPolicy(sources, server, async ({ probes, services }) => ({
    observations: await probes.observe(services, signal),
    running: false,
  }));
}

async function observedPolicy(
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
  const otherChecked = checkedServices(sources, server, other);
  const second = otherChecked === null ? first : await look(otherChecked);
  // Prescribe the other host only if the checks show that it works.
  const works = provenAsOf(decideServices(server.name, other, second.observations)) !== null;
  return works
    ? { policy: other, ...second, proposedHost: null }
    : { policy, ...first, running: first.running || second.running, proposedHost: null };
}
