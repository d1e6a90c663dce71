import { isIP } from 'node:net';
import type { Element } from '@xmldom/xmldom';
import { childrenOf, elementsIn, ownText } from './xml';

/**
 * The value that Thunderbird reads from an element, as a string: JXON.sys.mjs of version 153. It keeps white
 * space, makes numbers of what looks like one (`0123` becomes 123) and `true` of an empty element, and has no
 * value where there are attributes.
 */
export function jxonValue(element: Element): string {
  if (element.attributes.length > 0 || elementsIn(element).length > 0) return '[object Object]';
  if (element.childNodes.length === 0) return 'true';
  const text = ownText(element);
  return text === '' ? '[object Object]' : primitive(text);
}

/** The values of the children of that name. */
export function jxonValues(parent: Element, name: string): string[] {
  return childrenOf(parent, name).map(jxonValue);
}

/** The values of the children of that name as people read them: an empty element has none. */
export function writtenValues(parent: Element, name: string): string {
  return childrenOf(parent, name)
    .map((element) => (isEmpty(element) ? '' : jxonValue(element)))
    .join(', ');
}

function isEmpty({ attributes, childNodes }: Element): boolean {
  return attributes.length === 0 && childNodes.length === 0;
}

/** The value of the first child of that name; null where there is none. */
export function jxonChild(parent: Element, name: string): string | null {
  return jxonValues(parent, name)[0] ?? null;
}

/** The value of an attribute; null where it is missing. */
export function jxonAttribute(element: Element, name: string): string | null {
  const text = element.getAttribute(name);
  return text === null ? null : primitive(text);
}

function primitive(text: string): string {
  if (/^(?:true|false)$/i.test(text)) return text.toLowerCase();
  return Number.isFinite(Number(text)) ? String(parseFloat(text)) : text;
}

/** InputSanitizer.nonemptystring(): null where it refuses a value, also one that is false to JavaScript. */
export function thunderbirdText(value: string | null): string | null {
  return value === null || ['', 'false', '0', 'NaN'].includes(value) ? null : value;
}

/** InputSanitizer.url(): whether it accepts a URL. */
export function isThunderbirdUrl(value: string | null): boolean {
  return value !== null && /^https?:/.test(value) && URL.canParse(value);
}

/** InputSanitizer.integer(): an integer at the beginning of a value. */
export function thunderbirdInteger(value: string | null): number {
  return parseInt(value ?? '', 10);
}

const hostPattern =
  /^(?:(?:[a-z0-9]|[a-z0-9][a-z0-9-]{0,61}[a-z0-9])\.)*(?:[a-z0-9]|[a-z0-9][a-z0-9-]{0,61}[a-z0-9])\.?$/i;

const withPlaceholders = /^[a-z0-9\-.]*(?:%[A-Z0-9]+%[a-z0-9\-.]*)+$/i;

/** InputSanitizer.hostname(): a host name in lower case, an IP address, or one with placeholders; null where it refuses the value. */
export function thunderbirdHost(value: string | null): string | null {
  const host = (thunderbirdText(value) ?? '').trim();
  if (withPlaceholders.test(host)) return host;
  const legal = (host.length <= 255 && hostPattern.test(host)) || isIP(host) !== 0;
  return legal ? host.toLowerCase() : null;
}
