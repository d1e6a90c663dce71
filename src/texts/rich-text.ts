/** A piece of a sentence, by how it looks. */
export interface Span {
  readonly text: string;
  /** `value` is what somebody types: it stands in a face where `0 O l 1 I` differ. */
  readonly style: 'plain' | 'strong' | 'value';
}

/** A sentence with some words set off. */
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
 * Fills a text of a language file: `{name}` stands for a value, `<b>…</b>` for words set off. Only the
 * text is read for these two; what a value holds is never. Throws for a name that has no value.
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

/** The same without anything set off. */
export function plainText(spans: RichText): string {
  return spans.map(({ text }) => text).join('');
}
