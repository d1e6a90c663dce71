import type { Service } from '../domain/client-settings';
import { loginStylesOf } from '../domain/login-style';
import type { Mailbox } from '../domain/mailbox';
import type { VirtualServer } from '../domain/virtual-server';
import type { SnapshotDomain, SnapshotDomains } from './snapshot';

/** A virtual server with what mail clients may be told of it. */
export interface Answering {
  readonly server: Pick<VirtualServer, 'name' | 'relation'>;
  readonly answers: SnapshotDomain['answers'];
  readonly incoming: readonly Service[];
  readonly outgoing: readonly Service[];
  readonly mailboxes: readonly Pick<Mailbox, 'emailAddress' | 'login' | 'extraAddresses'>[];
}

/**
 * The domains of a snapshot. An extra address belongs to its own domain, which may be another one than the
 * mailbox's, and counts only if no mailbox has it. An alias domain whose target is among the domains has the target's
 * addresses and servers: Virtualmin delivers `bob@alias.example` to `bob@example.com`. One whose target is not among
 * them is left out: nobody may be told its logins. Logins are left out where mail clients are not told of them.
 */
export function snapshotDomains(all: readonly Answering[]): SnapshotDomains {
  const logins = new Map(all.map(({ server }) => [server.name, new Map<string, string>()]));
  const add = (address: string, login: string) => {
    const at = address.lastIndexOf('@');
    const local = address.slice(0, at).toLowerCase();
    const known = logins.get(address.slice(at + 1).toLowerCase());
    // `*` is a catch-all: it is no address that anybody types.
    if (known !== undefined && local !== '*' && !known.has(local)) known.set(local, login);
  };
  const mailboxes = all.flatMap((one) => one.mailboxes);
  for (const { emailAddress, login } of mailboxes) add(emailAddress, login);
  for (const { extraAddresses, login } of mailboxes) {
    for (const address of extraAddresses) add(address, login);
  }
  const byName = new Map(all.map((one) => [one.server.name, one]));
  return Object.fromEntries(
    all.flatMap((one): [string, SnapshotDomain][] => {
      const { name, relation } = one.server;
      const isAlias = relation.kind === 'alias';
      const target = isAlias ? byName.get(relation.of ?? '') : undefined;
      if (isAlias && target === undefined && one.answers === 'login') return [];
      const { incoming, outgoing, mailboxes: named } = target ?? one;
      const told = [one, target ?? one].every(({ answers }) => answers === 'login');
      const domain: SnapshotDomain = {
        answers: told ? 'login' : 'address',
        incoming,
        outgoing,
        styles: told ? loginStylesOf(named.map(localAndLogin)) : [],
        logins: told ? Object.fromEntries(logins.get(name) ?? []) : {},
        aliasOf: target?.server.name ?? null,
      };
      return [[name, domain]];
    }),
  );
}

function localAndLogin({ emailAddress, login }: Pick<Mailbox, 'emailAddress' | 'login'>) {
  return { local: emailAddress.slice(0, emailAddress.lastIndexOf('@')), login };
}
