import { asciiDomainName, readableDomainName } from './domain-name';

/**
 * True for one e-mail address (RFC 5321, 4.1.2, without quoted local parts and address literals). Characters that XML
 * cannot have are refused: most of what is made of an address is XML.
 */
export function isEmailAddress(text: string): boolean {
  const [, local = '', domain = ''] =
    /^([^\s@<>()[\]\\,;:"\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]+)@([^\s@]+)$/u.exec(text) ?? [];
  const known = asciiDomainName(domain) !== null;
  return known && local !== '' && local.length <= 64 && text.length <= 254;
}

/** An e-mail address with its domain as people read it (`info@münchen.example`): see readableDomainName. */
export function readableAddress(address: string): string {
  const at = address.lastIndexOf('@') + 1;
  return address.slice(0, at) + readableDomainName(address.slice(at));
}

/** The readable form of an e-mail address where it is another one than the address itself, else null. */
export function otherReadableAddress(address: string): string | null {
  const readable = readableAddress(address);
  return readable === address ? null : readable;
}
