/**
 * One row of a multiline answer, cut down to the fields that were asked for. Everything else in the
 * answer, the passwords and hashes above all, is dropped here and exists nowhere after.
 */
export interface Row<Field extends string> {
  readonly name: string;
  /** Trimmed; an absent field and an empty one are the same: no values, or empty ones. */
  readonly values: Readonly<Partial<Record<Field, readonly string[]>>>;
}

/** What an answer amounts to. */
export type ApiAnswer<Field extends string> =
  | { readonly kind: 'rows'; readonly rows: readonly Row<Field>[] }
  /** Virtualmin says that the command failed; the reason is its own, null where it gave none. */
  | { readonly kind: 'failure'; readonly reason: string | null }
  /** Virtualmin's gate says no before any command runs, in plain text whatever was asked for. */
  | { readonly kind: 'refusal'; readonly reason: string }
  | { readonly kind: 'not-understood'; readonly reason: string };

/**
 * Reads the body of an answer, whatever the HTTP status and Content-Type claim: `ERROR: …` comes as
 * text, and some failures come as JSON where XML was asked for. Bytes that are not UTF-8 become
 * U+FFFD, so that one broken name does not take the page with it. Without fields it is a list of names (`name-only=`).
 */
export async function readAnswer<Field extends string>(
  body: Uint8Array,
  fields: readonly Field[],
): Promise<ApiAnswer<Field>> {
  const text = new TextDecoder('utf-8').decode(body);
  const start = text.slice(0, 200).trimStart();
  if (start.startsWith('ERROR:')) {
    return { kind: 'refusal', reason: firstLine(text.trimStart().slice('ERROR:'.length)) };
  }
  if (start.startsWith('{')) return readJson(text, fields);
  if (/^(<\?xml[^>]*>\s*)?<api[\s>/]/.test(start)) return readXml(text, fields);
  if (start === '') return { kind: 'not-understood', reason: 'the answer is empty' };
  return {
    kind: 'not-understood',
    reason: /^<(!doctype|html)/i.test(start)
      ? 'the answer is a web page'
      : 'the answer is neither JSON nor XML',
  };
}

/** `{status, error, data: [{name, values: {field: [value]}}]}` */
function readJson<Field extends string>(text: string, fields: readonly Field[]): ApiAnswer<Field> {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which may hold a password.
    return { kind: 'not-understood', reason: 'the answer is not complete JSON' };
  }
  if (!isObject(answer))
    return { kind: 'not-understood', reason: 'the answer is not a JSON object' };
  return toAnswer(answer.status, answer.error, answer.data, fields, (entry) => entry);
}

/**
 * XML::Simple's rendering of the same: `<api status error><data name><values><field>value</field>…`.
 * xml2js gives attributes under `$` and every element as an array.
 */
async function readXml<Field extends string>(
  text: string,
  fields: readonly Field[],
): Promise<ApiAnswer<Field>> {
  // Loaded when needed: most servers answer in JSON.
  const { default: xml2js } = await import('xml2js');
  let answer: unknown;
  try {
    // Asynchronous: a large domain's answer takes a second, and others must not wait for it.
    answer = await xml2js.parseStringPromise(text, { async: true, explicitRoot: false });
  } catch {
    return { kind: 'not-understood', reason: 'the answer is not complete XML' };
  }
  // A root without attributes and children is an empty string.
  const api = isObject(answer) ? answer : {};
  const attributes = isObject(api.$) ? api.$ : {};
  const xmlRow = (entry: Record<string, unknown>) => ({
    name: isObject(entry.$) ? entry.$.name : undefined,
    values: Array.isArray(entry.values) ? emptyAsObject(entry.values[0]) : undefined,
  });
  const read = toAnswer(attributes.status, attributes.error, api.data, fields, xmlRow);
  // The XML parser's strings are windows on the whole text: a kept login would keep every password.
  return structuredClone(read);
}

/** xml2js renders an element without children as an empty string. */
function emptyAsObject(element: unknown): unknown {
  return element === '' ? {} : element;
}

interface Entry {
  readonly name?: unknown;
  readonly values?: unknown;
}

function toAnswer<Field extends string>(
  status: unknown,
  error: unknown,
  data: unknown,
  fields: readonly Field[],
  toEntry: (item: Record<string, unknown>) => Entry,
): ApiAnswer<Field> {
  if (status !== 'success') {
    if (typeof status !== 'string')
      return { kind: 'not-understood', reason: 'the answer has no status' };
    const reason = typeof error === 'string' ? firstLine(error) : '';
    return { kind: 'failure', reason: reason === '' ? null : reason };
  }
  const items = data === undefined || data === null ? [] : Array.isArray(data) ? data : [data];
  const rows: Row<Field>[] = [];
  let tableLines = 0;
  for (const item of items) {
    // What has no values is a line of the server's log that got in between.
    if (!isObject(item)) continue;
    const { name, values } = toEntry(item);
    if (!isObject(values)) continue;
    if (Object.keys(values).length === 0 && fields.length > 0) tableLines++;
    else rows.push({ name: typeof name === 'string' ? name : '', values: pick(values, fields) });
  }
  if (tableLines > 0 && rows.length === 0) {
    return {
      kind: 'not-understood',
      reason: 'the answer is a table for people, not a list of values',
    };
  }
  return { kind: 'rows', rows };
}

function pick<Field extends string>(
  values: Record<string, unknown>,
  fields: readonly Field[],
): Row<Field>['values'] {
  const picked: Partial<Record<Field, readonly string[]>> = {};
  for (const field of fields) {
    const list = asTexts(values[field]);
    if (list.length > 0) picked[field] = list;
  }
  return picked;
}

/** Nearly every value is a list of one: a domain of 5,000 mailboxes has 75,000 of them. */
function asTexts(given: unknown): string[] {
  if (!Array.isArray(given)) return asText(given);
  return given.length === 1 ? asText(given[0]) : given.flatMap(asText);
}

function asText(value: unknown): string[] {
  if (typeof value === 'string') return [value.trim()];
  if (typeof value === 'number') return [String(value)];
  // An XML element that has attributes: xml2js puts its text under `_`.
  if (isObject(value) && typeof value._ === 'string') return [value._.trim()];
  return [];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The first line that says something, without control characters, cut to a readable length. */
function firstLine(text: string): string {
  const line = text.split('\n').find((one) => one.trim() !== '') ?? '';
  return line
    .replace(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, 300);
}
