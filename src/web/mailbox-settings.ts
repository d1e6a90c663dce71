import type { Request, Response } from 'express';
import type { Dependencies } from '../dependencies';
import { decideClientSettings, type ClientSettings } from '../domain/client-settings';
import type { DomainUsers, Mailbox } from '../domain/mailbox';
import type { Observations } from '../domain/observation';
import type { MailPolicy } from '../domain/policy';
import { notFound } from './http-error';
import type { Domain } from '../virtualmin/directory';
import { freshObservations } from '../probe/observed-policy';
import { domainOf, loginsOf } from './query';
import { clientLeft } from './client-left';

/** The mailbox with this login. Throws a 404 where there is none. */
export function mailboxOf(users: DomainUsers, login: string): Mailbox {
  const mailbox = users.mailboxes.find((one) => one.login === login);
  if (mailbox === undefined) throw notFound('error_no_such_mailbox', { domain: users.domain });
  return mailbox;
}

/** The settings of the mailbox with this login. Throws a 404 where there is none. */
export function settingsOf(
  { server, users }: Domain,
  login: string,
  policy: MailPolicy,
  observations: Observations,
): ClientSettings {
  return decideClientSettings(mailboxOf(users, login), server, policy, observations);
}

/** The settings of the mailbox in the request's path, from fresh answers and checks. For files and mails. */
export async function freshSettings(
  request: Request<{ domain: string; login: string }>,
  response: Response,
  dependencies: Pick<Dependencies, 'directory' | 'policies' | 'probes'>,
): Promise<ClientSettings> {
  const logins = loginsOf(request, response);
  const { value } = await dependencies.directory.freshDomain(domainOf(request), logins);
  const { policy, observations } = await freshObservations(
    dependencies,
    value.server,
    clientLeft(response),
  );
  return settingsOf(value, request.params.login, policy, observations);
}
