import type { Service } from '../domain/client-settings';
import { loginIn, standInStyle, type LoginStyles } from '../domain/login-style';

/** What mail clients of a domain are told, without being asked who they are. */
export interface AnsweringDomain {
  readonly name: string;
  /** The login of the mailbox, or only the address, whatever the login is. */
  readonly answers: 'login' | 'address';
  readonly incoming: readonly Service[];
  readonly outgoing: readonly Service[];
  readonly styles: LoginStyles;
  /** The login of each address, by the part before the @ in lower case. */
  readonly loginOf: (local: string) => string | undefined;
}

/** The settings for one address that a mail client has asked about. Whether the address exists is not in them. */
export interface Answer {
  readonly domain: string;
  readonly emailAddress: string;
  readonly login: string;
  readonly incoming: readonly Service[];
  readonly outgoing: readonly Service[];
}

/**
 * The answer for an address of a domain; `local` is the part before the @ in lower case. An address that does not exist
 * gets a login in one of the domain's styles, so that strangers cannot learn from it which addresses exist; the work
 * is the same. `chanceOf` is the chance of an address, as in standInStyle.
 *
 * A tag after a plus sign is left out of the login: the mail server does so, too (recipient_delimiter of postconf(5)).
 */
export function answerFor(
  domain: AnsweringDomain,
  local: string,
  chanceOf: (address: string) => number,
): Answer {
  const emailAddress = `${local}@${domain.name}`;
  const untagged = local.replace(/(?<=.)\+.*$/, '');
  const style = standInStyle(domain.styles, domain.name, chanceOf(`${untagged}@${domain.name}`));
  const standIn = loginIn(style, untagged);
  const login = domain.loginOf(local) ?? domain.loginOf(untagged) ?? standIn;
  return {
    domain: domain.name,
    emailAddress,
    login: domain.answers === 'login' ? login : emailAddress,
    incoming: domain.incoming,
    outgoing: domain.outgoing,
  };
}
