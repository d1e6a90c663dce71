import ejs from 'ejs';
import { plainText, richText, value, type RichText, type Span } from './rich-text';
import type { Message } from './message';
import type { Languages, Texts } from './languages';

type Values = Readonly<Record<string, string | number | Span>>;

/** The texts of pages in a viewer's language. */
export interface PageTexts {
  /** BCP 47. */
  readonly code: string;
  /** A text with its values. Throws where the text or a value is missing. */
  readonly text: (key: string, values?: Values) => string;
  /** The text of a message. */
  readonly say: (what: Message) => string;
  /** A text as HTML, with bold words and typed values marked up. */
  readonly html: (key: string, values?: Values) => string;
  /** Marks a value that users type, for `html`. */
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
  value: ['<code class="mcs-value">', '</code>'],
};

function htmlOf({ text, style }: Span): string {
  const [open, close] = tags[style];
  return `${open ?? ''}${ejs.escapeXML(text)}${close ?? ''}`;
}

/**
 * The first available language of those that a panel or a browser requests, such as `fr`, `fr.UTF-8` or
 * `pt_BR`; English where none is available.
 */
export function languageFor(wanted: readonly string[], languages: Languages): Texts {
  for (const one of wanted) {
    const [code = ''] = one.toLowerCase().split(/[._-]/);
    const found = languages.find(code);
    if (found !== null) return found;
  }
  return languages.english;
}
