/** Something to be said in the reader's language: the key of a text, and what fills it. */
export interface Said {
  readonly key: string;
  readonly values: Readonly<Record<string, string | number | Said>>;
}

export function said(key: string, values: Said['values'] = {}): Said {
  return { key, values };
}
