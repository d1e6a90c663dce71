/** Something to be said in the reader's language: the key of a text, and what fills it. */
export interface Message {
  readonly key: string;
  readonly values: Readonly<Record<string, string | number | Message>>;
}

/** The key of the text for one of a family's names: `warning` and `login-is-assumed` give `warning_login_is_assumed`. */
export function textKey(family: string, name: string): string {
  return `${family}_${name.replaceAll('-', '_')}`;
}

export function message(key: string, values: Message['values'] = {}): Message {
  return { key, values };
}
