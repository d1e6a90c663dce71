import type { Observation } from '../../src/domain/observation';

/** A check in a few words: how the port differs, or the kind of its result, and its weaknesses. */
export function observedWords({ result, weaknesses }: Observation): string {
  const kind = result.kind === 'differs' ? result.how : result.kind;
  const how = result.kind === 'turned-away' && result.temporary ? 'turned away for now' : kind;
  return [how.replace('turned-away', 'turned away'), ...weaknesses].join(', ');
}
