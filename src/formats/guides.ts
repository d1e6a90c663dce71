import clients from '../guides/clients.json';
import {
  byRole,
  withImplicitTls,
  type ClientSettings,
  type Service,
} from '../domain/client-settings';
import type { Security } from '../domain/policy';
import { textKey } from '../texts/message';
import type { Texts } from '../texts/languages';
import { plain, richText, value, type RichText } from '../texts/rich-text';
import { protocolNames, securityNames } from './words';

/** The instructions for one mail client, with one mailbox's values. */
export interface Guide {
  readonly title: string;
  readonly steps: readonly RichText[];
  /** Known or reported problems of this client with this mailbox. */
  readonly warnings: readonly string[];
}

/** The mail clients with instructions: src/guides/clients.json. */
export const clientIds: readonly string[] = clients.map(({ id }) => id);

/** The clients on a sheet by default. */
export const usualClients: readonly string[] = ['apple-ios', 'gmail-android', 'outlook-new'];

/** The name of a client in a language. */
export function clientTitle(id: string, texts: Pick<Texts, 'text'>): string {
  return texts.text(`${textKey('guide', id)}_title`);
}

/** What a client says to a wrong user name or password, in its own words. */
export interface Refusal {
  readonly title: string;
  readonly words: string;
}

/** The refusals of the clients whose words are known from their screens or from their maker's texts. */
export function refusals(texts: Pick<Texts, 'text'>): readonly Refusal[] {
  return clients
    .filter(({ saysRefusal }) => saysRefusal === true)
    .map(({ id }) => ({
      title: clientTitle(id, texts),
      words: texts.text(`${textKey('guide', id)}_refusal`),
    }));
}

/** The steps for a client; null where it cannot do what the policy offers, or there is no such client. */
export function guideFor(id: string, settings: ClientSettings, texts: Texts): Guide | null {
  const client = clients.find((one) => one.id === id);
  if (client === undefined) return null;
  const { incoming, outgoing } = servicesFor(client.security, settings);
  if (!client.protocols.includes(incoming.protocol)) return null;
  // Some clients have words of their own for STARTTLS and TLS.
  const securityName = (security: Security): string =>
    client.namesSecurity === true
      ? texts.text(textKey(textKey('guide', id), security))
      : securityNames[security];
  const values = {
    address: value(settings.emailAddress),
    login: value(settings.login),
    protocol: plain(protocolNames[incoming.protocol]),
    in_host: value(incoming.host),
    in_port: value(incoming.port),
    in_security: plain(securityName(incoming.security)),
    out_host: value(outgoing.host),
    out_port: value(outgoing.port),
    out_security: plain(securityName(outgoing.security)),
  };
  return {
    title: clientTitle(id, texts),
    steps: Array.from({ length: client.steps }, (_, index) =>
      richText(texts.text(`${textKey('guide', id)}_${index + 1}`), values),
    ),
    warnings: client.warnings
      .filter(({ when }) => (settings.warnings as readonly string[]).includes(when))
      .map(({ text }) => texts.text(text)),
  };
}

/** Apple's clients only offer "Use SSL", which works reliably only on the implicit-TLS ports. */
function servicesFor(
  security: string,
  settings: ClientSettings,
): { readonly incoming: Service; readonly outgoing: Service } {
  const incoming = byRole(settings.incoming).recommended;
  const outgoing = byRole(settings.outgoing).recommended;
  if (security !== 'implicit-tls' || incoming.protocol === 'submission') {
    return { incoming, outgoing };
  }
  return withImplicitTls(settings, incoming.protocol) ?? { incoming, outgoing };
}
