/** The answer to one request, parsed from the bytes that were received. */
export interface Answer {
  readonly status: number;
  /** `1.0` or `1.1`, as the panel wrote it. */
  readonly version: string;
  readonly headers: ReadonlyMap<string, string>;
  /** With a chunked body decoded. */
  readonly body: Buffer;
  /** Null if the answer states no length, so that this is unknown. */
  readonly complete: boolean | null;
  /** Milliseconds until its first byte, and until its end. */
  readonly firstByte: number;
  readonly time: number;
}

/** Reads an answer; `cut` is whether the connection broke instead of ending. */
export function readAnswer(raw: Buffer, cut: boolean, firstByte: number, time: number): Answer {
  const end = raw.indexOf('\r\n\r\n');
  const [line = '', ...lines] = raw.subarray(0, Math.max(end, 0)).toString('latin1').split('\r\n');
  const [, version = '', status = ''] = /^HTTP\/(\d\.\d) (\d{3})/.exec(line) ?? [];
  const headers = new Map(
    lines.map((one) => {
      const colon = one.indexOf(':');
      return [one.slice(0, colon).toLowerCase(), one.slice(colon + 1).trim()];
    }),
  );
  const rest = end === -1 ? Buffer.alloc(0) : raw.subarray(end + 4);
  const { body, complete } = bodyOf(rest, headers, cut);
  return {
    ...{ status: Number(status), version, headers, body },
    complete: version === '' ? false : complete,
    ...{ firstByte, time },
  };
}

function bodyOf(
  rest: Buffer,
  headers: ReadonlyMap<string, string>,
  cut: boolean,
): { body: Buffer; complete: boolean | null } {
  if (headers.get('transfer-encoding') === 'chunked') return dechunk(rest);
  const length = headers.get('content-length');
  if (length !== undefined) return { body: rest, complete: rest.length === Number(length) };
  return { body: rest, complete: cut ? false : null };
}

function dechunk(rest: Buffer): { body: Buffer; complete: boolean } {
  const pieces: Buffer[] = [];
  for (let at = 0; ;) {
    const end = rest.indexOf('\r\n', at);
    const size = end === -1 ? NaN : parseInt(rest.subarray(at, end).toString('latin1'), 16);
    const from = end + 2;
    if (Number.isNaN(size)) return { body: Buffer.concat(pieces), complete: false };
    if (size === 0) {
      const complete = rest.subarray(from).equals(Buffer.from('\r\n'));
      return { body: Buffer.concat(pieces), complete };
    }
    pieces.push(rest.subarray(from, from + size));
    at = from + size + 2;
    if (at > rest.length) return { body: Buffer.concat(pieces), complete: false };
  }
}
