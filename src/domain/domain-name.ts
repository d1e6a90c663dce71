import { domainToASCII, domainToUnicode } from 'node:url';

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

/**
 * The scripts that one label may combine: the "highly restrictive" level of Unicode Technical Standard 39, 5.2.
 * Digits and hyphens belong to every script.
 */
const scripts = [
  /^[\p{scx=Latin}\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Common}\p{scx=Inherited}]*$/u,
  /^[\p{scx=Latin}\p{scx=Han}\p{scx=Bopomofo}\p{scx=Common}\p{scx=Inherited}]*$/u,
  /^[\p{scx=Latin}\p{scx=Han}\p{scx=Hangul}\p{scx=Common}\p{scx=Inherited}]*$/u,
  ...[
    ...['Arabic', 'Armenian', 'Bengali', 'Cyrillic', 'Devanagari', 'Ethiopic', 'Georgian', 'Greek'],
    ...['Gujarati', 'Gurmukhi', 'Hebrew', 'Kannada', 'Khmer', 'Lao', 'Malayalam', 'Myanmar'],
    ...['Oriya', 'Sinhala', 'Tamil', 'Telugu', 'Thaana', 'Thai', 'Tibetan'],
  ].map((name) => new RegExp(`^[\\p{scx=${name}}\\p{scx=Common}\\p{scx=Inherited}]*$`, 'u')),
];

/** Cyrillic and Greek letters that look like Latin ones: a label of nothing else could be taken for a Latin one. */
const lookalikes = /^[\d\-аысԁеԍһіюјӏорԗԛѕԝхуъьҽпгѵѡαικνορυωϲϳ]+$/u;

/**
 * An internationalised domain name as people read it (`münchen.example`). One that could be taken for another, or
 * that contains more than letters, marks, digits and hyphens (RFC 5892), stays in its `xn--` form.
 */
export function readableDomainName(ascii: string): string {
  if (!ascii.includes('xn--')) return ascii;
  const readable = domainToUnicode(ascii);
  const labels = readable.split('.');
  const clear = labels.every(
    (part) =>
      /^[\p{L}\p{M}\p{Nd}_-]+$/u.test(part) &&
      scripts.some((script) => script.test(part)) &&
      (/^\p{ASCII}*$/u.test(part) || !lookalikes.test(part)),
  );
  return clear && domainToASCII(readable) === ascii ? readable : ascii;
}

/** A host name or a pattern of one, in lower case and with the labels that are not ASCII in their `xn--` form. */
export function withAsciiLabels(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\s.{}]*\P{ASCII}[^\s.{}]*/gu, (part) => asciiDomainName(part) ?? part);
}
