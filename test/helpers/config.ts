import { ConfigError, readConfig } from '../../src/settings/config';
import { english } from './languages';

/** What is wrong with these variables, each with its name; [] if nothing is. */
export function configProblems(env: Readonly<Record<string, string>>): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(english.say);
    throw error;
  }
  return [];
}
