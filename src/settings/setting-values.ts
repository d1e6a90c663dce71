import { BadValue } from './bad-value';
import { contrastWithWhite, type Branding, type Paper } from '../domain/branding';
import { forDomain } from '../domain/policy';
import { clientIds } from '../formats/guides';
import type { Message } from '../texts/message';

/** What WCAG 2.2 asks of text on its ground (1.4.3). */
const leastContrast = 4.5;

/** Every key of a branding but its logo's, and how its text is read; the text is never empty. */
const brandingValues = {
  host_name: line,
  host_colour: colour,
  support_contact: line,
  webmail_url: webUrl,
  sheet_note: line,
  sheet_clients: clients,
  sheet_language: languageTag,
  sheet_paper: paper,
};

type ValueKey = keyof typeof brandingValues;

/** The keys of a branding that are one line of text each. */
export const brandingValueKeys = Object.keys(brandingValues) as ValueKey[];

/**
 * Reads a branding, all but its logo, from the texts of its keys; '' and undefined are nothing set. A bad
 * one is told to `complain`, and counts as not set.
 */
export function readBrandingValues(
  textOf: (key: ValueKey) => string | undefined,
  complain: (key: ValueKey, problem: Message) => void,
): Omit<Branding, 'logo' | 'mail'> {
  const read = <K extends ValueKey>(key: K) => {
    const text = textOf(key);
    if (text === undefined || text === '') return null;
    try {
      return brandingValues[key](text) as ReturnType<(typeof brandingValues)[K]>;
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      complain(key, error.problem);
      return null;
    }
  };
  return {
    name: read('host_name'),
    colour: read('host_colour'),
    supportContact: read('support_contact'),
    webmailUrl: read('webmail_url'),
    note: read('sheet_note'),
    clients: read('sheet_clients'),
    language: read('sheet_language'),
    paper: read('sheet_paper'),
  };
}

/** One line of text. Throws BadValue. */
export function line(text: string): string {
  if (text.length > 200 || /\p{Cc}/u.test(text)) {
    throw new BadValue('value_line', { count: 200 });
  }
  return text;
}

function colour(text: string): string {
  if (!/^#[0-9a-f]{6}$/i.test(text)) throw new BadValue('value_colour', { example: '#14509b' });
  const contrast = contrastWithWhite(text);
  if (contrast < leastContrast) {
    throw new BadValue('value_too_light', {
      contrast: contrast.toFixed(1),
      least: leastContrast,
    });
  }
  return text.toLowerCase();
}

function webUrl(text: string): string {
  const address = forDomain(text, 'example.com');
  if (!/^https?:\/\//i.test(address) || !URL.canParse(address) || /[\s\p{Cc}]/u.test(address)) {
    throw new BadValue('value_web_address', { example: 'https://webmail.{domain}/' });
  }
  return text;
}

function clients(text: string): string[] {
  const given = text === 'none' ? [] : text.split(/[\s,]+/);
  if (given.some((id) => !clientIds.includes(id))) {
    throw new BadValue('value_clients', { names: clientIds.join(' ') });
  }
  return given;
}

function languageTag(text: string): string {
  if (/^[a-z]{2,3}(-[A-Za-z]+)*$/.test(text)) return text;
  throw new BadValue('value_language', { example: 'fr' });
}

function paper(text: string): Paper {
  if (text === 'a4' || text === 'letter') return text;
  throw new BadValue('value_paper');
}
