import { createHash } from 'node:crypto';
import type { ClientSettings } from '../domain/client-settings';

/**
 * Eight hex digits of what a person types into a mail client, such as `3f9a-01bc`. Two sheets of a
 * mailbox carry the same one where nothing has changed between them.
 */
export function settingsFingerprint(settings: ClientSettings): string {
  const { emailAddress, login, incoming, outgoing } = settings;
  const services = [...incoming, ...outgoing].map(({ protocol, host, port, security, role }) =>
    [protocol, host, port, security, role].join(' '),
  );
  const typed = [emailAddress, login, ...services].join('\n');
  const hex = createHash('sha256').update(typed).digest('hex');
  return `${hex.slice(0, 4)}-${hex.slice(4, 8)}`;
}
