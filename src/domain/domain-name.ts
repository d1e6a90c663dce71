import { domainToASCII } from 'node:url';

/** A label of a host name: RFC 1123, and underscores, which real host names contain. */
const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i;

/** True for an ASCII domain or host name (RFC 1123; an internationalised one in its `xn--` form). */
export function isDomainName(text: string): boolean {
  return text.length <= 253 && text.split('.').every((part) => label.test(part));
}

/** Converts a typed domain name to lower-case ASCII (`xn--` where internationalised); null where it is not one. */
export function asciiDomainName(text: string): string | null {
  // domainToASCII accepts a URL's host part: it ignores what follows the host, white space and control characters.
  const name = /[/?#\\:@\s\p{Cc}]/u.test(text) ? '' : domainToASCII(text);
  return isDomainName(name) ? name : null;
}
