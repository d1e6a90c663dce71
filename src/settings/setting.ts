import { message, type Message } from '../texts/message';

/**
 * The value that a text stands for, or what is wrong with the text. The words of a problem follow the name of the
 * setting: "must be …".
 */
export type Parsed<T> = { readonly value: T } | { readonly problem: Message };

/** Reads the text of a value. The text is never empty: that is the default. */
export type Parse<T> = (text: string) => Parsed<T>;

/** A setting, except for its name, which is its key in a table. */
export interface Setting<T> {
  readonly parse: Parse<T>;
  /** The value if nothing is set. Null: none. */
  readonly default: T;
  /** Every text that is accepted; null if they cannot be listed. */
  readonly choices: readonly string[] | null;
}

export type Table = Readonly<Record<string, Setting<unknown>>>;

/** The values of the settings of a table. */
export type Values<T extends Table> = {
  readonly [K in keyof T]: T[K] extends Setting<infer V> ? V : never;
};

export function setting<T, D>(parse: Parse<T>, standard: D): Setting<T | D> {
  return { parse, default: standard, choices: null };
}

/** A setting that must be one of some words. */
export function choice<C extends string, D extends NoInfer<C> | null>(
  choices: readonly C[],
  standard: D,
): Setting<C | D> {
  const parse = (text: string) => {
    const found = choices.find((one) => one === text);
    return found === undefined ? bad('value_choice', { choices: either(choices) }) : good(found);
  };
  return { parse, default: standard, choices };
}

/**
 * Reads every setting of a table from its text, where '' and undefined mean that nothing is set. One with a problem
 * has its default. The problems are in the order of the table.
 */
export function readTable<T extends Table>(
  table: T,
  textOf: (key: keyof T & string) => string | undefined,
): { readonly values: Values<T>; readonly problems: ReadonlyMap<string, Message> } {
  const problems = new Map<string, Message>();
  const values = Object.entries(table).map(([key, one]) => {
    const parsed = readSetting(one, textOf(key));
    if ('problem' in parsed) problems.set(key, parsed.problem);
    return [key, 'problem' in parsed ? one.default : parsed.value];
  });
  return { values: Object.fromEntries(values) as Values<T>, problems };
}

/** Reads one setting; '' and undefined give its default. */
export function readSetting<T>(one: Setting<T>, text: string | undefined): Parsed<T> {
  return text === undefined || text === '' ? good(one.default) : one.parse(text);
}

export function good<T>(value: T): { readonly value: T } {
  return { value };
}

/** A problem: the key of its text, and the values of the text. */
export function bad(key: string, values: Message['values'] = {}): { readonly problem: Message } {
  return { problem: message(key, values) };
}

/** "a or b or c". */
export function either(choices: readonly string[]): string | Message {
  return choices.reduce<string | Message>(
    (some, other) => (some === '' ? other : message('value_either', { some, other })),
    '',
  );
}
