import ejs from 'ejs';
import { plainText, richText, value, type RichText, type Span } from './rich-text';
import type { Message } from './message';
import type { Languages, Texts } from './languages';

type Values = Readonly<Record<string, string | number | Span>>;

/** The texts of pages in a viewer's language. */
export interface PageTexts {
  /** BCP 47. */
  readonly code: string;
  /** A text with values in it. Throws where there is no such text, or a value is missing. */
  readonly text: (key: string, values?: Values) => string;
  /** The text of what is to be said. */
  readonly say: (what: Message) => string;
  /** The same as HTML, with what the text or a value sets off. */
  readonly html: (key: string, values?: Values) => string;
  /** A value that somebody types, for `html`. */
  readonly value: typeof value;
}

export function pageTexts({ code, text }: Texts): PageTexts {
  const filled = (key: string, values: Values): RichText =>
    richText(
      text(key),
      Object.fromEntries(
        Object.entries(values).map(([name, one]) => [
          name,
          typeof one === 'number' ? String(one) : one,
        ]),
      ),
    );
  const say = ({ key, values }: Message): string => {
    const given = Object.entries(values).map(([name, one]) => [
      name,
      typeof one === 'object' ? say(one) : one,
    ]);
    return plainText(filled(key, Object.fromEntries(given) as Values));
  };
  return {
    code,
    text: (key, values = {}) => plainText(filled(key, values)),
    say,
    html: (key, values = {}) => filled(key, values).map(htmlOf).join(''),
    value,
  };
}

const tags = {
  plain: ['', ''],
  strong: ['<strong>', '</strong>'],
  value: ['<code class="value">', '</code>'],
};

function htmlOf({ text, style }: Span): string {
  const [open, close] = tags[style];
  return `${open ?? ''}${ejs.escapeXML(text)}${close ?? ''}`;
}

/**
 * The language of somebody whose panel or browser asks for one: `fr`, `fr.UTF-8`, `pt_BR`; English where
 * there is none of theirs.
 */
export function languageFor(wanted: readonly string[], languages: Languages): Texts {
  for (const one of wanted) {
    const [code = ''] = one.toLowerCase().split(/[._-]/);
    const found = languages.find(code);
    if (found !== null) return found;
  }
  return languages.english;
}
