import { statSync } from 'node:fs';
import type { Logger } from 'pino';
import type { MailPolicies } from '../domain/policy';
import type { Message } from '../texts/message';
import { readSettingsFile } from './settings-file';

/**
 * The mail policies of a settings file, which is read again if it has changed: the next request uses them. If the
 * file then has a problem, the problem is logged in the words of `say`, and the policies stay as they were.
 */
export function followSettingsFile(
  path: string,
  first: MailPolicies,
  say: (problem: Message) => string,
  log: Pick<Logger, 'warn' | 'info'>,
): () => MailPolicies {
  let policies = first;
  let known = stateOf(path);
  return () => {
    const state = stateOf(path);
    if (state === known) return policies;
    known = state;
    const read = readSettingsFile(path);
    if ('problem' in read) {
      const reason = say(read.problem);
      log.warn({ reason }, 'settings file ignored: what was there before stays');
    } else {
      policies = read.value;
      log.info('settings file read again');
    }
    return policies;
  };
}

/** Changes with the file; the error's code where there is none, or where it cannot be reached. */
function stateOf(path: string): string {
  try {
    const { ino, mtimeMs, size } = statSync(path);
    return `${ino} ${mtimeMs} ${size}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}
