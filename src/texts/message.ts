/** A message that is translated when shown: the key of a text, and the values for its placeholders. */
export interface Message {
  readonly key: string;
  readonly values: Readonly<Record<string, string | number | Message>>;
}

/** The key of a text: `warning` and `login-is-assumed` give `warning_login_is_assumed`. */
export function textKey(family: string, name: string): string {
  return `${family}_${name.replaceAll('-', '_')}`;
}

export function message(key: string, values: Message['values'] = {}): Message {
  return { key, values };
}
