import { ConfigError, readConfig } from '../../src/settings/config';
import { english } from './languages';

/** What is wrong with these variables, each naming its own; [] where nothing is. */
export function configProblems(env: Readonly<Record<string, string>>): readonly string[] {
  try {
    readConfig(env, english.say);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}
