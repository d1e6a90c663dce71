import { ConfigError, readConfig } from '../../src/config';

/** What is wrong with these variables, each naming its own; [] where nothing is. */
export function configProblems(env: Readonly<Record<string, string>>): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}
