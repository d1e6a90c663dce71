import type { MailPolicies } from '../../src/domain/policy';
import { parseSettings } from '../../src/settings/settings-file';
import type { Parsed } from '../../src/settings/setting';
import { english } from './languages';

/** The mail policies of some settings. Throws their errors, in English. */
export function policiesOf(settings: string): MailPolicies {
  const parsed = parseSettings(settings);
  if ('policies' in parsed) return parsed.policies;
  throw new Error(`line ${parsed.line}: ${english.say(parsed.problem)}`);
}

/** The parsed value. Throws its error, in English. */
export function valueOf<T>(parsed: Parsed<T>): T {
  if ('value' in parsed) return parsed.value;
  throw new Error(english.say(parsed.problem));
}
