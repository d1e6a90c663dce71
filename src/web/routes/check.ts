import type { Router } from 'express';
import type { Dependencies } from '../../dependencies';
import { allServices, decideServices, type DomainServices } from '../../domain/client-settings';
import { isBroken, observationOf, type Observation, type Result } from '../../domain/observation';
import { observationWords, type CheckWords } from '../../formats/check-words';
import { checkJson } from '../../formats/json';
import { freshObservations, cachedObservations } from '../../probe/observed-policy';
import { textKey } from '../../texts/message';
import type { PageTexts } from '../../texts/page-texts';
import { needs, newRouter } from '../access';
import { checkedDomain, heldOpenForPorts } from '../checked-domain';
import { clientLeft } from '../client-left';
import { linksOf, textsOf } from '../locals';
import { domainOf } from '../query';

/** `/domains/{domain}/check`: the checks of a domain's mail ports, and `check.json`. */
export function checkRoutes(dependencies: Dependencies): Router {
  const router = newRouter();

  router.get('/domains/:domain/check', needs('check'), async (request, response) => {
    const { server } = await checkedDomain(dependencies, domainOf(request));
    const { policy, observations, running, proposedHost } = await cachedObservations(
      dependencies,
      server,
      heldOpenForPorts,
    );
    response.render('pages/check', {
      server,
      running,
      proposedHost,
      rows: rowsOf(decideServices(server.name, policy, observations), textsOf(response)),
      mayDiscover: dependencies.discovery !== null,
      hosts: observations,
    });
  });

  router.get('/domains/:domain/check.json', needs('check'), async (request, response) => {
    const { server } = await checkedDomain(dependencies, domainOf(request));
    const { policy, observations } = await freshObservations(
      dependencies,
      server,
      clientLeft(response),
    );
    response.json(checkJson(server.name, decideServices(server.name, policy, observations)));
  });

  router.post('/domains/:domain/check', needs('check'), async (request, response) => {
    const { server, probes, services } = await checkedDomain(dependencies, domainOf(request));
    await probes.refresh(services, clientLeft(response));
    response.redirect(303, linksOf(response).check(server.name));
  });

  return router;
}

/** Whether clients can use a port; `unchecked` where the check could not tell. */
type State = 'proven' | 'broken' | 'unchecked';

function stateOf(result: Result): State {
  if (result.kind === 'proven') return 'proven';
  return isBroken(result) ? 'broken' : 'unchecked';
}

/** The keys of the texts for each state. */
const stateTexts = {
  proven: 'check_proven',
  broken: 'check_broken',
  unchecked: 'check_unchecked',
} as const;

/** A port as a row of a table. */
interface CheckRow {
  readonly role: string;
  readonly observation: Observation;
  readonly state: State;
  readonly label: string;
  readonly words: readonly CheckWords[];
}

function rowsOf(services: DomainServices, t: PageTexts): CheckRow[] {
  return allServices(services).flatMap((service) => {
    const checked = observationOf(services.observations, service);
    if (checked === null) return [];
    const { observation } = checked;
    const role = t.text(textKey('check', service.role));
    const state = stateOf(observation.result);
    const label = t.text(stateTexts[state]);
    return [{ role, observation, state, label, words: observationWords(observation, t) }];
  });
}
