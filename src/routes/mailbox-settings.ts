import type { Request } from 'express';
import type { Services } from '../app';
import { decideClientSettings, type ClientSettings } from '../domain/client-settings';
import type { MailPolicy } from '../domain/policy';
import { notFound } from '../middleware/http-error';
import type { Domain } from '../virtualmin/directory';
import { domainOf } from './query';

/** The settings of the mailbox with this login. Throws a 404 where there is none. */
export function settingsOf(
  { server, users }: Domain,
  login: string,
  policy: MailPolicy,
): ClientSettings {
  const mailbox = users.mailboxes.find((one) => one.login === login);
  if (mailbox === undefined) {
    throw notFound(
      `${users.domain} has no mailbox with this user name. If it is new, or was renamed: open the domain's page and press Refresh.`,
    );
  }
  return decideClientSettings(mailbox, server, policy);
}

/** The same for the mailbox that a path names, for what leaves the screen: from a fresh answer. */
export async function freshSettings(
  request: Request<{ domain: string; login: string }>,
  { directory, policies }: Pick<Services, 'directory' | 'policies'>,
): Promise<ClientSettings> {
  const { value } = await directory.freshDomain(domainOf(request));
  return settingsOf(value, request.params.login, await policies.of(value.server));
}
