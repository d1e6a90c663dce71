import { byRole, provenAsOf, type DomainServices } from '../domain/client-settings';
import { isBroken, observationOf } from '../domain/observation';

/** The state of the recommended services, in a word or two. */
export interface Badge {
  readonly kind: 'proven' | 'broken' | 'unchecked';
  /** Milliseconds since 1970; null where nothing was checked. */
  readonly asOf: number | null;
}

/** The badge of a domain or of one of its mailboxes. It says "works" only where the checks have proven all services. */
export function badgeOf(services: DomainServices): Badge {
  const proven = provenAsOf(services);
  if (proven !== null) return { kind: 'proven', asOf: proven };
  const recommended = [services.incoming, services.outgoing].map((of) => byRole(of).recommended);
  const observed = recommended.map((one) => observationOf(services.observations, one));
  const broken = observed.find((one) => one !== null && isBroken(one.observation.result));
  return broken === undefined || broken === null
    ? { kind: 'unchecked', asOf: null }
    : { kind: 'broken', asOf: broken.asOf };
}
