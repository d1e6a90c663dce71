/** Something to be said in the reader's language: the key of a text, and what fills it. */
export interface Said {
  readonly key: string;
  readonly values: Readonly<Record<string, string | number | Said>>;
}

/** The key of the text for one of a family's names: `warning` and `login-is-assumed` give `warning_login_is_assumed`. */
export function textKey(family: string, name: string): string {
  return `${family}_${name.replaceAll('-', '_')}`;
}

export function said(key: string, values: Said['values'] = {}): Said {
  return { key, values };
}
