import { isIP } from 'node:net';
import { contrastWithWhite } from '../domain/branding';
import { isDomainName, withAsciiLabels } from '../domain/domain-name';
import { isEmailAddress } from '../domain/email-address';
import { forDomain, type MailSender } from '../domain/policy';
import { clientIds } from '../formats/guides';
import { isLoopback } from '../network/addresses';
import { bad, either, good, type Parse, type Parsed } from './setting';

/** The least contrast of text with its background in WCAG 2.2 (1.4.3). */
const leastContrast = 4.5;

/**
 * A host name that may contain `{domain}`; an internationalised one in either form. Mail clients compare it with the certificate, so it is neither an IP
 * address nor a name without a dot.
 */
export function hostPattern(text: string): Parsed<string> {
  const pattern = withAsciiLabels(text);
  const host = forDomain(pattern, 'example.com');
  const examples = { example: 'mail.{domain}', other: 'mx.example.net' };
  if (isAddress(host)) return bad('value_host_address', examples);
  if (!isDomainName(host) || /[{}]/.test(forDomain(pattern, ''))) {
    return bad('value_host', examples);
  }
  return isLocal(host) ? bad('value_host_local', examples) : good(pattern);
}

/** Whether it is an IP address, also one that only programs read as such: no top-level domain is a number (RFC 3696, 2). */
function isAddress(host: string): boolean {
  return isIP(host.replace(/^\[(.*)\]$/, '$1')) !== 0 || /(^|\.)(\d+|0x[\da-f]*)$/i.test(host);
}

/** Whether only this machine or its network finds the name. */
function isLocal(host: string): boolean {
  return !host.includes('.') || /(^|\.)(localhost|localdomain)$/.test(host);
}

/** A port for mail clients; null for `off`. Port 25 is for mail between servers and is never offered to a client. */
export function port(text: string): Parsed<number | null> {
  if (text === 'off') return good(null);
  const number = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (!(number >= 1 && number <= 65535)) return bad('value_port', { from: 1, to: 65535 });
  return number === 25 ? bad('value_port_25') : good(number);
}

export function yesNo(text: string): Parsed<boolean> {
  // Webmin's own forms write 1 and 0.
  if (text === 'yes' || text === '1') return good(true);
  if (text === 'no' || text === '0') return good(false);
  return bad('value_choice', { choices: either(['yes', 'no']) });
}

/** An e-mail address, alone or as `Name <address>`. */
export function sender(text: string): Parsed<MailSender> {
  const [, name = '', bracketed] = /^([^<>"\p{Cc}]*)<([^<>]+)>$/u.exec(text) ?? [];
  const address = bracketed ?? text;
  if (!isEmailAddress(address)) return bad('value_sender', { example: 'Help <help@example.com>' });
  return good({ name: name.trim(), address });
}

/** One line of at most 200 characters. */
export function line(text: string): Parsed<string> {
  const known = text.length <= 200 && !/\p{Cc}/u.test(text);
  return known ? good(text) : bad('value_line', { count: 200 });
}

/** Lines, separated by line feeds, of at most 5000 characters together. */
export function lines(text: string): Parsed<string> {
  const known = text.length <= 5000 && !/[^\P{Cc}\n]/u.test(text);
  return known ? good(text) : bad('value_lines', { count: 5000 });
}

/** `#rrggbb`, dark enough to be read on white paper; lower-case. */
export function colour(text: string): Parsed<string> {
  if (!/^#[0-9a-f]{6}$/i.test(text)) return bad('value_colour', { example: '#14509b' });
  const contrast = contrastWithWhite(text);
  if (contrast < leastContrast) {
    return bad('value_too_light', { contrast: contrast.toFixed(1), least: leastContrast });
  }
  return good(text.toLowerCase());
}

/** An http or https address that may contain `{domain}`, and that others can open: it is on pages and on paper. */
export function webUrl(text: string): Parsed<string> {
  const address = forDomain(text, 'example.com');
  const example = 'https://webmail.{domain}/';
  if (!/^https?:\/\//i.test(address) || !URL.canParse(address) || /[\s\p{Cc}{}]/u.test(address)) {
    return bad('value_web_address', { example });
  }
  const { hostname, username, password } = new URL(address);
  if (username !== '' || password !== '') return bad('value_web_address_login', { example });
  return isLocal(hostname) || isLoopback(hostname)
    ? bad('value_web_address_local', { example })
    : good(text);
}

/** Ids of mail clients, separated by spaces or commas; `none` is an empty list. */
export function clients(text: string): Parsed<string[]> {
  const given = text === 'none' ? [] : text.split(/[\s,]+/);
  const known = given.every((id) => clientIds.includes(id));
  return known ? good([...new Set(given)]) : bad('value_clients', { names: clientIds.join(' ') });
}

/** The form of a language's code. The language may be missing. */
export function languageTag(text: string): Parsed<string> {
  const known = /^[a-z]{2,3}(-[A-Za-z]+)*$/.test(text);
  return known ? good(text) : bad('value_language', { example: 'fr' });
}

/** A whole number in this range. */
export function whole(from: number, to: number): Parse<number> {
  return (text) => {
    const number = /^\d+$/.test(text) ? Number(text) : NaN;
    return number >= from && number <= to ? good(number) : bad('value_whole', { from, to });
  };
}

/** Any text. */
export function anyText(text: string): Parsed<string> {
  return good(text);
}
