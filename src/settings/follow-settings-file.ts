import type { Logger } from 'pino';
import type { MailPolicies } from '../domain/policy';
import type { Message } from '../texts/message';
import { fileState } from './file-state';
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
  let known = fileState(path);
  return () => {
    const state = fileState(path);
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
