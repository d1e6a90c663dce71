/** A part of a text, with its style. */
export interface Span {
  readonly text: string;
  /** `value` is for text that users type. Its font makes `0 O l 1 I` easy to distinguish. */
  readonly style: 'plain' | 'strong' | 'value';
}

/** A text in which parts have different styles. */
export type RichText = readonly Span[];

export function plain(text: string): Span {
  return { text, style: 'plain' };
}

export function strong(text: string): Span {
  return { text, style: 'strong' };
}

export function value(text: string | number): Span {
  return { text: String(text), style: 'value' };
}

/**
 * Fills a text of a language file: `{name}` is replaced by a value, `<b>…</b>` marks strong words. Both are
 * recognised only in the text, never in a value. Throws for a name without a value.
 */
export function richText(
  text: string,
  values: Readonly<Record<string, string | Span | RichText>> = {},
): RichText {
  const spans: Span[] = [];
  let strong = false;
  for (const [part] of text.matchAll(/<\/?b>|\{\w+\}|[^<{]+|[<{]/g)) {
    if (part === '<b>' || part === '</b>') {
      strong = part === '<b>';
      continue;
    }
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    const filled = name === undefined ? part : values[name];
    if (filled === undefined) throw new Error(`no value for ${part} in: ${text}`);
    const given =
      typeof filled === 'string' ? [plain(filled)] : 'style' in filled ? [filled] : filled;
    for (const span of given) {
      spans.push(strong && span.style === 'plain' ? { ...span, style: 'strong' } : span);
    }
  }
  return spans;
}

/** The text without styles. */
export function plainText(spans: RichText): string {
  return spans.map(({ text }) => text).join('');
}
