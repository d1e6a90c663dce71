import { createHash } from 'node:crypto';
import type { ClientSettings } from '../domain/client-settings';

/**
 * A hash of the values that users type into a mail client, eight hexadecimal digits such as `3f9a-01bc`.
 * Two sheets of a mailbox have the same one if its settings have not changed.
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
