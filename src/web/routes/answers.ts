import type { Router } from 'express';
import type { Dependencies } from '../../dependencies';
import { snapshotText } from '../../answers/snapshot';
import { snapshotDomains, type Answering } from '../../answers/snapshot-domains';
import { decideServices } from '../../domain/client-settings';
import type { DomainUsers } from '../../domain/mailbox';
import type { VirtualServer } from '../../domain/virtual-server';
import { freshObservations } from '../../probe/observed-policy';
import { needs, needsMasterAdmin, newRouter } from '../access';
import { clientLeft } from '../client-left';

/** `/answers.json`: the snapshot for the answer service, of the domains whose settings allow it. */
export function answersRoutes(dependencies: Dependencies): Router {
  const { directory, policies, now } = dependencies;
  const router = newRouter();

  /** What mail clients may be told of a domain; null if that is nothing. */
  async function answering(
    server: VirtualServer,
    users: () => Promise<ReadonlyMap<string, DomainUsers>>,
    signal: AbortSignal,
  ): Promise<Answering | null> {
    const { clientAnswers } = await policies.of(server);
    if (clientAnswers === 'off' || !server.mail || server.disabled !== null) return null;
    const { name, relation } = server;
    // A long list of domains does not say of which other one an alias is.
    const known = relation.kind !== 'alias' || relation.of !== null;
    const described = known ? server : await directory.freshServer(name);
    const { policy, observations } = await freshObservations(dependencies, server, signal);
    const { incoming, outgoing } = decideServices(name, policy, observations);
    const mailboxes = (await users()).get(name)?.mailboxes ?? [];
    return { server: described, answers: clientAnswers, incoming, outgoing, mailboxes };
  }

  router.get('/answers.json', needs('see'), needsMasterAdmin(), async (_request, response) => {
    const takenAt = now();
    const left = clientLeft(response);
    const { value: servers } = await directory.freshServers();
    let listed: Promise<ReadonlyMap<string, DomainUsers>> | undefined;
    const users = () => (listed ??= directory.currentUsers());
    const all = await Promise.all(servers.map((server) => answering(server, users, left)));
    const some = all.filter((one) => one !== null);
    response.type('json').send(snapshotText(takenAt, snapshotDomains(some)));
  });

  return router;
}
