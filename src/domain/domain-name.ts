import { domainToASCII } from 'node:url';

/** A label of a host name as servers in the wild have it: RFC 1123, and underscores. */
const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i;

/** True for an ASCII domain or host name (RFC 1123; an internationalised one in its `xn--` form). */
export function isDomainName(text: string): boolean {
  return text.length <= 253 && text.split('.').every((part) => label.test(part));
}

/**
 * A domain name as somebody typed it, in its ASCII form and lower-case; null where it is none. An
 * internationalised name is given its `xn--` form.
 */
export function asciiDomainName(text: string): string | null {
  // domainToASCII takes a whole address: it forgets what follows its host, and white space and control characters anywhere.
  const name = /[/?#\\:@\s\p{Cc}]/u.test(text) ? '' : domainToASCII(text);
  return isDomainName(name) ? name : null;
}
