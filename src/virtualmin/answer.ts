/**
 * One row of a multiline answer with the requested fields only. All other fields, above all passwords
 * and hashes, are dropped here and never reach other code.
 */
export interface Row<Field extends string> {
  readonly name: string;
  /** Trimmed. A field without a value is absent or holds an empty string: the two mean the same. */
  readonly values: Readonly<Partial<Record<Field, readonly string[]>>>;
}

/** The result of parsing an answer. */
export type ApiAnswer<Field extends string> =
  | { readonly kind: 'rows'; readonly rows: readonly Row<Field>[] }
  /** The command failed. The reason is Virtualmin's message, null where it gave none. */
  | { readonly kind: 'failure'; readonly reason: string | null }
  /** remote.cgi refused the request before running a command. It answers in plain text whatever the format. */
  | { readonly kind: 'refusal'; readonly reason: string }
  | { readonly kind: 'not-understood'; readonly reason: string };

/**
 * Parses the body of an answer. The format is recognised from the body, not from the HTTP status or
 * Content-Type: `ERROR: …` is plain text, and some failures are JSON although XML was requested. Bytes
 * that are not UTF-8 become U+FFFD, so that one broken name does not make the whole page fail. Without
 * fields the answer is a list of names (`name-only=`).
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
 * The same data as XML::Simple writes it: `<api status error><data name><values><field>value</field>…`.
 * xml2js gives attributes under `$` and every element as an array.
 */
async function readXml<Field extends string>(
  text: string,
  fields: readonly Field[],
): Promise<ApiAnswer<Field>> {
  // Imported only here: most servers answer in JSON.
  const { default: xml2js } = await import('xml2js');
  let answer: unknown;
  try {
    // Asynchronous: parsing a large domain's answer takes a second and would block other requests.
    answer = await xml2js.parseStringPromise(text, { async: true, explicitRoot: false });
  } catch {
    return { kind: 'not-understood', reason: 'the answer is not complete XML' };
  }
  // xml2js returns an empty string for a root without attributes and children.
  const api = isObject(answer) ? answer : {};
  const attributes = isObject(api.$) ? api.$ : {};
  const xmlRow = (entry: Record<string, unknown>) => ({
    name: isObject(entry.$) ? entry.$.name : undefined,
    values: Array.isArray(entry.values) ? emptyAsObject(entry.values[0]) : undefined,
  });
  const read = toAnswer(attributes.status, attributes.error, api.data, fields, xmlRow);
  // The parser's strings are slices of the whole text: keeping a login would keep all passwords in memory.
  return structuredClone(read);
}

/** xml2js returns an empty string for an element without children. */
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
    // An entry without values is a line of the server's log that was mixed into the answer.
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

/** Fast for lists of one value, which nearly all are: a domain with 5,000 mailboxes has 75,000 of them. */
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

/** The first line that is not blank, without control characters, shortened to 300 characters. */
function firstLine(text: string): string {
  const line = text.split('\n').find((one) => one.trim() !== '') ?? '';
  return line
    .replace(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, 300);
}
