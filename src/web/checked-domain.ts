import type { Dependencies } from '../dependencies';
import type { Service } from '../domain/client-settings';
import type { MailPolicy } from '../domain/policy';
import type { VirtualServer } from '../domain/virtual-server';
import { checkedServices } from '../probe/observed-policy';
import type { Probes } from '../probe/probes';
import { notFound } from './http-error';

/** Milliseconds for which a page waits for running checks. */
export const heldOpenForPorts = 400;

/** A domain whose mail ports are checked, with its services. */
export interface CheckedDomain {
  readonly server: VirtualServer;
  readonly policy: MailPolicy;
  readonly probes: Probes;
  readonly services: readonly Service[];
}

/** Throws RemoteApiError, and a 404 where nothing of the domain is checked. */
export async function checkedDomain(
  dependencies: Pick<Dependencies, 'directory' | 'policies' | 'probes'>,
  domain: string,
): Promise<CheckedDomain> {
  const server = await dependencies.directory.freshServer(domain);
  const policy = await dependencies.policies.of(server);
  const checked = checkedServices(dependencies, server, policy);
  if (checked === null) {
    throw notFound(server.mail ? 'error_not_checked' : 'error_no_mail');
  }
  return { server, policy, ...checked };
}
