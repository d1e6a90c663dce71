import { ConfigError, readConfig } from '../../src/settings/config';
import { english } from './languages';

/** The errors in these variables, each with the variable's name; [] if there are none. */
export function configProblems(env: Readonly<Record<string, string>>): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(english.say);
    throw error;
  }
  return [];
}
