import { statSync } from 'node:fs';
import type { Logger } from 'pino';
import type { MailPolicies } from '../domain/policy';
import { readSettingsFile, SettingsError, type Say } from './settings-file';

/**
 * The mail policies of a settings file, read anew when it has changed: the next request has them. A
 * change with something wrong in it is logged, and what was there before stays.
 */
export function followSettingsFile(
  path: string,
  first: MailPolicies,
  say: Say,
  log: Pick<Logger, 'warn' | 'info'>,
): () => MailPolicies {
  let policies = first;
  let seen = stateOf(path);
  return () => {
    const state = stateOf(path);
    if (state === seen) return policies;
    seen = state;
    try {
      policies = readSettingsFile(path, say);
      log.info('settings file read again');
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error;
      log.warn({ reason: error.message }, 'settings file ignored: what was there before stays');
    }
    return policies;
  };
}

/** Changes with the file; '' where it is not there. */
function stateOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? '' : `${found.ino} ${found.mtimeMs} ${found.size}`;
}
