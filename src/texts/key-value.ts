/** A line of a file in Webmin's format: `key=value`. White space around both is removed. */
export interface KeyValueLine {
  /** From 1. */
  readonly number: number;
  readonly key: string;
  /** Null if the line has no equals sign; then all of it is the key. */
  readonly value: string | null;
}

/** The lines of a file in Webmin's format, without empty ones and comments, which begin with `#`. */
export function keyValueLines(text: string): KeyValueLine[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.startsWith('#') || line.trim() === '') return [];
    const equals = line.indexOf('=');
    const key = (equals < 0 ? line : line.slice(0, equals)).trim();
    const value = equals < 0 ? null : line.slice(equals + 1).trim();
    return [{ number: index + 1, key, value }];
  });
}
