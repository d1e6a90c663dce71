import type { Services } from '../app';
import { decideServices, type Service } from '../domain/client-settings';
import type { Observations } from '../domain/observation';
import type { MailPolicy } from '../domain/policy';
import type { VirtualServer } from '../domain/virtual-server';
import type { Probes } from '../probe/probes';

type Server = Pick<VirtualServer, 'name' | 'mail'>;

/** What of a domain is checked: null where nothing is, by the settings or because it has no mail. */
export function checkedServices(
  { probes }: Pick<Services, 'probes'>,
  server: Server,
  policy: MailPolicy,
): { readonly probes: Probes; readonly services: readonly Service[] } | null {
  if (probes === null || !policy.checkServers || !server.mail) return null;
  const { incoming, outgoing } = decideServices(server.name, policy);
  return { probes, services: [...incoming, ...outgoing] };
}

/** What is known now, for the screen; what is not known or too old is looked at behind it. */
export async function seenSoFar(
  services: Pick<Services, 'probes'>,
  server: Server,
  policy: MailPolicy,
  patience = 0,
): Promise<Observations> {
  const checked = checkedServices(services, server, policy);
  if (checked === null) return [];
  const looks = await checked.probes.look(checked.services, patience);
  return looks.flatMap((look) => (look.kind === 'answer' ? look.answer.value : []));
}

/** The same for what leaves the screen: waits until every port has answered, some seconds at most. */
export async function seenFresh(
  services: Pick<Services, 'probes'>,
  server: Server,
  policy: MailPolicy,
): Promise<Observations> {
  const checked = checkedServices(services, server, policy);
  return checked === null ? [] : checked.probes.observe(checked.services);
}
