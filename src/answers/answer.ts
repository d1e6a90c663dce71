import { createHash } from 'node:crypto';
import { byRole, type Service } from '../domain/client-settings';
import { loginIn, standInStyle, styleOf, type LoginStyles } from '../domain/login-style';

/** What mail clients of a domain are told, without being asked who they are. */
export interface AnsweringDomain {
  readonly name: string;
  /** The login of the mailbox, or only the address, whatever the login is; in an alias domain that in its target. */
  readonly answers: 'login' | 'address';
  readonly incoming: readonly Service[];
  readonly outgoing: readonly Service[];
  readonly styles: LoginStyles;
  /** The domain of which this one is an alias, and whose addresses it has, too; null for other domains. */
  readonly aliasOf: string | null;
  /** The login of each address, by the part before the @ in lower case. */
  readonly loginOf: (local: string) => string | undefined;
  /** The part before the @ of the address with this MD5, in lower-case hex. */
  readonly localOf: (md5: string) => string | undefined;
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
 * is the same. `chanceOf` is the chance of the MD5 of an address, as in standInStyle: whoever asks in another way, or
 * at an alias domain, gets the same style, as for an address that exists.
 *
 * A tag after a plus sign is left out of the login: the mail server does so, too (recipient_delimiter of postconf(5)).
 */
export function answerFor(
  domain: AnsweringDomain,
  local: string,
  chanceOf: (md5: string) => number,
): Answer {
  const emailAddress = `${local}@${domain.name}`;
  const untagged = local.replace(/(?<=.)\+.*$/, '');
  const chance = chanceOf(md5Of(`${untagged}@${domain.aliasOf ?? domain.name}`));
  const style = standInStyle(domain.styles, domain.name, chance);
  const standIn = loginIn(style, untagged);
  const login = domain.loginOf(local) ?? domain.loginOf(untagged) ?? standIn;
  return {
    domain: domain.name,
    emailAddress,
    login: domain.answers === 'login' ? login : `${local}@${domain.aliasOf ?? domain.name}`,
    incoming: domain.incoming,
    outgoing: domain.outgoing,
  };
}

/** The MD5 of an address, in lower-case hex. */
export function md5Of(address: string): string {
  return createHash('md5').update(address).digest('hex');
}

/** The name that Evolution sends in place of the part of the address before the @. */
export const evolutionUser = 'EVOLUTIONUSER';

/** What autoconfig calls the part of the address before the @, and the address: the client fills them in. */
const localPart = '%EMAILLOCALPART%';
const wholeAddress = '%EMAILADDRESS%';

/**
 * The answer for Evolution, which does not tell the address but its MD5 (e-mail-autoconfig.c). The login has a
 * placeholder for the part before the @, so that an address that does not exist gets the same as one that does, if its
 * login is in one of the domain's styles. Evolution uses the last server of each kind, so there is only one of each.
 *
 * Null for an alias domain with several styles: the MD5 of an address that does not exist does not say which address of
 * the target it would be, so its style would differ from that of the other questions, and give that away.
 */
export function answerForHash(
  domain: AnsweringDomain,
  md5: string,
  chanceOf: (md5: string) => number,
): Answer | null {
  if (domain.aliasOf !== null && domain.styles.length > 1) return null;
  const standIn = standInStyle(domain.styles, domain.name, chanceOf(md5));
  const local = domain.localOf(md5);
  const login = local === undefined ? undefined : domain.loginOf(local);
  const known = local !== undefined && login !== undefined;
  const style = known ? styleOf({ local, login }, domain.styles) : standIn;
  const told = style === null ? (login ?? '') : loginIn(style, localPart);
  const address = domain.aliasOf === null ? wholeAddress : `${localPart}@${domain.aliasOf}`;
  return {
    domain: domain.name,
    emailAddress: `${evolutionUser}@${domain.name}`,
    login: domain.answers === 'login' ? told : address,
    incoming: [byRole(domain.incoming).recommended],
    outgoing: [byRole(domain.outgoing).recommended],
  };
}
