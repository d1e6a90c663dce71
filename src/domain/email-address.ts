import { asciiDomainName } from './domain-name';

/** One address as people have them (RFC 5321, 4.1.2, without the quoted forms that nobody has). */
export function isEmailAddress(text: string): boolean {
  const [, local = '', domain = ''] = /^([^\s@<>()[\]\\,;:"\p{Cc}]+)@([^\s@]+)$/u.exec(text) ?? [];
  const known = asciiDomainName(domain) !== null;
  return known && local !== '' && local.length <= 64 && text.length <= 254;
}
