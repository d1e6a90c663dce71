/** How a login is made from the part of an address before the @: with a text before it and one after it. */
export interface LoginStyle {
  readonly before: string;
  readonly after: string;
}

/** The styles of a domain's logins, each with the number of mailboxes that have it. */
export type LoginStyles = readonly (LoginStyle & { readonly mailboxes: number })[];

/** A mailbox as far as its style depends on it. */
interface Named {
  /** The part of its address before the @. */
  readonly local: string;
  readonly login: string;
}

/**
 * The styles of these mailboxes' logins, the most frequent first. Where a login could be of several styles, it
 * counts for the one that most mailboxes could have: `a.a` is like `bob.a` and not like `a.bob`. A login that does
 * not contain the part of its address before the @ has no style.
 */
export function loginStylesOf(mailboxes: readonly Named[]): LoginStyles {
  const possible = mailboxes.map(stylesOf);
  const frequency = count(possible.flat());
  const chosen = possible.flatMap((styles) => {
    const [first, ...rest] = styles;
    if (first === undefined) return [];
    const many = (style: LoginStyle) => frequency.get(keyOf(style))?.mailboxes ?? 0;
    return [rest.reduce((best, style) => (many(style) > many(best) ? style : best), first)];
  });
  return [...count(chosen).values()].sort((a, b) => b.mailboxes - a.mailboxes);
}

/** The style of one login among these; null where it has none of them. */
export function styleOf({ local, login }: Named, styles: LoginStyles): LoginStyle | null {
  return styles.find((style) => loginIn(style, local) === login) ?? null;
}

/** The login of this style for the part of an address before the @. */
export function loginIn({ before, after }: LoginStyle, local: string): string {
  return before + local + after;
}

/**
 * The style in which an address that does not exist is answered. `chance` is from 0 up to 1, always the same for the
 * same address, and unpredictable for strangers. Each style comes as often as among the mailboxes: an answer in a
 * rare style says nothing about whether the address exists. Without any style, the login is the address.
 *
 * The order of the styles has no influence: it changes with the mailboxes, and then the answers for most addresses that
 * do not exist would change at once, and those for addresses that exist would not.
 */
export function standInStyle(styles: LoginStyles, domain: string, chance: number): LoginStyle {
  const all = styles.reduce((sum, { mailboxes }) => sum + mailboxes, 0);
  let below = 0;
  const sorted = [...styles].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  for (const style of sorted) {
    below += style.mailboxes;
    if (chance * all < below) return style;
  }
  return { before: '', after: `@${domain}` };
}

function stylesOf({ local, login }: Named): LoginStyle[] {
  const styles: LoginStyle[] = [];
  for (let at = login.indexOf(local); local !== '' && at >= 0; at = login.indexOf(local, at + 1)) {
    styles.push({ before: login.slice(0, at), after: login.slice(at + local.length) });
  }
  return styles;
}

function count(styles: readonly LoginStyle[]): Map<string, LoginStyles[number]> {
  const counted = new Map<string, LoginStyles[number]>();
  for (const style of styles) {
    const key = keyOf(style);
    const mailboxes = (counted.get(key)?.mailboxes ?? 0) + 1;
    counted.set(key, { ...style, mailboxes });
  }
  return counted;
}

function keyOf({ before, after }: LoginStyle): string {
  return JSON.stringify([before, after]);
}
