/**
 * One row of a multiline answer with the requested fields only. All other fields, above all passwords
 * and hashes, are dropped here and never reach other code.
 */
export interface Row<Field extends string> {
  readonly name: string;
  /** Trimmed. A field without a value is absent or holds an empty string: the two mean the same. */
  readonly values: Readonly<Partial<Record<Field, readonly string[]>>>;
}

/** What a command of Virtualmin prints for each row, and what is kept of it. */
export interface RowShape<Field extends string> {
  /** The fields that are kept. A list of names (`name-only=`) has none. */
  readonly fields: readonly Field[];
  /** What the name of a row looks like. */
  readonly name: RegExp;
  /** The field that each row begins with; null in a list of names. */
  readonly begins: string | null;
  /** Those of the fields that hold what people have typed. It may look like a warning, and is left out then. */
  readonly typed: readonly Field[];
}

/** The result of parsing an answer. */
export type ApiAnswer<Field extends string> =
  | {
      readonly kind: 'rows';
      readonly rows: readonly Row<Field>[];
      /** Text around the answer that was left out, such as warnings of Perl; null where there is none. */
      readonly noise: Noise | null;
    }
  /** The command failed. The reason is Virtualmin's message, null where it gave none. */
  | { readonly kind: 'failure'; readonly reason: string | null }
  /** remote.cgi refused the request before running a command. It answers in plain text whatever the format. */
  | { readonly kind: 'refusal'; readonly reason: string }
  /**
   * Warnings stand among the rows, which may be cut in two, with a row for the rest. Virtualmin reads what a command
   * prints, output and warnings, from one stream (execute_webmin_script() in json-lib.pl). The output comes in blocks
   * of 8,192 bytes, the warnings at once: they stand where a block ends, within a line as a rule. A rest has lost the
   * name of its field, so it may be a part of a password.
   */
  | { readonly kind: 'mixed'; readonly place: Noise['place'] }
  | { readonly kind: 'not-understood'; readonly reason: string };

/** Text around an answer. What it says is not kept, because it may contain a password. */
export interface Noise {
  readonly lines: number;
  /** The place that Perl names, such as `list-users.pl line 88`; null where it names none. */
  readonly place: string | null;
}

/**
 * Parses the body of an answer. The format is recognised from the body, not from the HTTP status or
 * Content-Type: `ERROR: …` is plain text, and some failures are JSON although XML was requested. Bytes
 * that are not UTF-8 become U+FFFD, so that one broken name does not make the whole page fail.
 */
export async function readAnswer<Field extends string>(
  body: Uint8Array,
  shape: RowShape<Field>,
): Promise<ApiAnswer<Field>> {
  const text = new TextDecoder('utf-8').decode(body);
  const start = text.slice(0, 200).trimStart();
  if (start.startsWith('ERROR:')) {
    return { kind: 'refusal', reason: firstLine(text.trimStart().slice('ERROR:'.length)) };
  }
  const whole = start.startsWith('{') ? parseJson(text) : undefined;
  if (whole !== undefined) return readJson(whole, text, shape, null);
  if (isWholeXml(text)) {
    return readXml(text, shape, null);
  }
  if (/^<(!doctype|html)/i.test(start))
    return { kind: 'not-understood', reason: 'the answer is a web page' };
  const json = wholeJson(text);
  if (json !== null) return readJson(parseJson(json), json, shape, noiseAround(text, json));
  const xml = wholeXml(text);
  if (xml !== null) return readXml(xml, shape, noiseAround(text, xml));
  if (start.startsWith('{')) {
    return { kind: 'not-understood', reason: 'the answer is not complete JSON' };
  }
  if (/^(<\?xml[^>]*>\s*)?<api[\s>/]/.test(start)) return readXml(text, shape, null);
  const refusal = /^ERROR:(.*)$/m.exec(text);
  if (refusal !== null) {
    return { kind: 'refusal', reason: firstLine(refusal[1] ?? '') };
  }
  if (start === '') return { kind: 'not-understood', reason: 'the answer is empty' };
  return { kind: 'not-understood', reason: 'the answer is neither JSON nor XML' };
}

/** `{status, error, data: [{name, values: {field: [value]}}]}` */
function readJson<Field extends string>(
  answer: unknown,
  text: string,
  shape: RowShape<Field>,
  noise: Noise | null,
): ApiAnswer<Field> {
  if (!isObject(answer))
    return { kind: 'not-understood', reason: 'the answer is not a JSON object' };
  return toAnswer(answer, answer.data, text, shape, (entry) => entry, noise);
}

/**
 * The same data as XML::Simple writes it: `<api status error><data name><values><field>value</field>…`.
 * xml2js gives attributes under `$` and every element as an array.
 */
async function readXml<Field extends string>(
  text: string,
  shape: RowShape<Field>,
  noise: Noise | null,
): Promise<ApiAnswer<Field>> {
  // Imported only here: most servers answer in JSON.
  const { default: xml2js } = await import('xml2js');
  let answer: unknown;
  try {
    // Asynchronous: parsing a large domain's answer takes a second and would block other requests.
    answer = await xml2js.parseStringPromise(text, { async: true, explicitRoot: false });
  } catch {
    // Virtualmin makes the name of an element from a field's name, and a part of a warning is not one.
    if (isWholeXml(text) && isNoise(text)) return mixed(text);
    return { kind: 'not-understood', reason: 'the answer is not complete XML' };
  }
  // xml2js returns an empty string for a root without attributes and children.
  const api = isObject(answer) ? answer : {};
  const attributes = isObject(api.$) ? api.$ : {};
  const xmlRow = (entry: Record<string, unknown>) => ({
    name: isObject(entry.$) ? entry.$.name : undefined,
    values: Array.isArray(entry.values) ? emptyAsObject(entry.values[0]) : undefined,
  });
  const read = toAnswer(attributes, api.data, text, shape, xmlRow, noise);
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
  head: Record<string, unknown>,
  data: unknown,
  text: string,
  shape: RowShape<Field>,
  toEntry: (item: Record<string, unknown>) => Entry,
  noise: Noise | null,
): ApiAnswer<Field> {
  const { status } = head;
  if (status !== 'success') {
    if (typeof status !== 'string')
      return { kind: 'not-understood', reason: 'the answer has no status' };
    return { kind: 'failure', reason: reasonIn(head) };
  }
  const items = data === undefined || data === null ? [] : Array.isArray(data) ? data : [data];
  const rows: Row<Field>[] = [];
  const noisy = isNoise(text);
  const rests = restsOf(shape.fields);
  let otherLines = 0;
  for (const item of items) {
    if (!isObject(item)) continue;
    const { name, values } = toEntry(item);
    // Lines of Webmin's log before the first row.
    if (!isObject(values)) continue;
    const row = { name: typeof name === 'string' ? name : '', values: pick(values, shape.fields) };
    if (beginsRow(row.name, values, shape)) {
      if (Object.keys(values).some((key) => rests.has(key))) return mixed(text);
      if (noisy && hasNoise(row, shape)) return mixed(text);
      rows.push(noisy ? withoutNoise(row, shape) : row);
    } else if (rows.length > 0 || Object.keys(values).length > 0) {
      return mixed(text);
    } else {
      otherLines++;
    }
  }
  if (otherLines > 0 && rows.length === 0 && shape.begins !== null) {
    return {
      kind: 'not-understood',
      reason: 'the answer is a table for people, not a list of values',
    };
  }
  return { kind: 'rows', rows, noise };
}

/** Whether an entry begins with the first line of a row. The entries for other lines and for the rest of a row do not. */
function beginsRow(
  name: string,
  values: Record<string, unknown>,
  shape: RowShape<string>,
): boolean {
  const { begins } = shape;
  return shape.name.test(name) && (begins === null || Object.hasOwn(values, begins));
}

/**
 * What is left of the names of fields where a line is cut at a space of its label: `address` of `email_address`. No
 * command has fields of these names.
 */
function restsOf(fields: readonly string[]): ReadonlySet<string> {
  return new Set(
    fields.flatMap((field) => {
      const words = field.split('_');
      return words.slice(1).map((_word, index) => words.slice(index + 1).join('_'));
    }),
  );
}

/** Whether a row has a warning at the end of a line, which is then the last of its block. */
function hasNoise<Field extends string>(
  { name, values }: Row<Field>,
  { fields, typed }: RowShape<Field>,
): boolean {
  const own = fields.filter((field) => !typed.includes(field));
  return isNoise(name) || own.some((field) => values[field]?.some(isNoise));
}

function withoutNoise<Field extends string>(
  row: Row<Field>,
  { typed }: RowShape<Field>,
): Row<Field> {
  const values: Partial<Record<Field, readonly string[]>> = { ...row.values };
  for (const field of typed) {
    if (values[field]?.some(isNoise)) values[field] = [''];
  }
  return { name: row.name, values };
}

function mixed(text: string): { kind: 'mixed'; place: Noise['place'] } {
  return { kind: 'mixed', place: placeIn(text) };
}

/**
 * Virtualmin's message; null where there is none. `error` is the first line that the command printed
 * (json-lib.pl): that is the message where it prints nothing else before. Warnings of Perl are printed into the
 * same stream. Where it has printed rows, the message is at the end of `full_error`, as error() prints it
 * (web-lib-funcs.pl), or that of Perl. Of Perl's only the place is kept: the rows contain passwords.
 */
function reasonIn({ error, full_error }: Record<string, unknown>): string | null {
  if (typeof error !== 'string') return null;
  const printed = typeof full_error === 'string' ? full_error : error;
  const message = /^-----\r?\n([^]+?)\n-----\s*$/m.exec(printed)?.[1];
  if (message !== undefined) return firstLine(message);
  if (/^ {4}\S[^:\n]*: /m.test(printed)) {
    const place = placeIn(printed);
    return `its command ended before its list was complete${place === null ? '' : `, at ${place}`}`;
  }
  const lines = printed.split('\n').filter((line) => !isNoise(line));
  return firstLine(lines.join('\n')) || firstLine(error) || null;
}

/** How Perl ends a warning: `… at /usr/share/webmin/virtual-server/list-users.pl line 88.` */
const perlPlace = /\bat \S*?([\w-]{1,60}\.(?:pl|cgi|pm) line \d{1,6})\b/;

/** How Webmin begins a line of its log, which error_stderr() prints: `[01/Dec/2026:00:00:14 +0000] …` */
const logLine = /\[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] /;

/** Whether a text contains a warning of Perl or a line of Webmin's log, perhaps behind the beginning of another line. */
function isNoise(text: string): boolean {
  return perlPlace.test(text) || logLine.test(text);
}

function placeIn(text: string): Noise['place'] {
  return perlPlace.exec(text)?.[1] ?? null;
}

function noiseAround(text: string, within: string): Noise {
  const from = text.indexOf(within);
  const around = text.slice(0, from) + '\n' + text.slice(from + within.length);
  const lines = around.split('\n').filter((line) => line.trim() !== '').length;
  return { lines, place: placeIn(around) };
}

/** Undefined where the text is not JSON. The parser's message is dropped: it quotes the text, which may hold a password. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** How many places of a text are tried as the beginning of an answer. */
const maxBeginnings = 20;

/**
 * The whole JSON answer inside a text; null where there is none. It is an object with a status: one row of an answer
 * that was cut off has none.
 */
function wholeJson(text: string): string | null {
  const beginnings = [
    ...text
      .slice(0, 65_536)
      .matchAll(/\{\s*"(?:command|status|data|error|full_error|output)"\s*:/g),
  ];
  for (const { index } of beginnings.slice(0, maxBeginnings)) {
    const end = endOfObject(text, index);
    if (end === null) continue;
    const part = text.slice(index, end);
    const answer = parseJson(part);
    if (isObject(answer) && typeof answer.status === 'string') return part;
  }
  return null;
}

/** Where the JSON object that begins at `from` ends; null where it does not end. */
function endOfObject(text: string, from: number): number | null {
  let depth = 0;
  let quoted = false;
  for (let at = from; at < text.length; at++) {
    const sign = text[at];
    if (quoted && sign === '\\') at++;
    else if (sign === '"') quoted = !quoted;
    else if (!quoted && sign === '{') depth++;
    else if (!quoted && sign === '}' && --depth === 0) return at + 1;
  }
  return null;
}

/** Whether a text begins and ends as an answer in XML. */
function isWholeXml(text: string): boolean {
  return /^\s*(?:<\?xml[^>]*>\s*)?<api[\s>/]/.test(text) && text.trimEnd().endsWith('</api>');
}

/** The whole XML answer inside a text; null where there is none. */
function wholeXml(text: string): string | null {
  const from = text.search(/<api[\s>/]/);
  if (from === -1) return null;
  const empty = /^<api(?:\s[^<>]*)?\/>/.exec(text.slice(from, from + 65_536));
  if (empty !== null) return empty[0];
  const end = text.lastIndexOf('</api>');
  return end === -1 ? null : text.slice(from, end + '</api>'.length);
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
