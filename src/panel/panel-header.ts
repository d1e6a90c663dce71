/** Decodes a header of the panel (JSON in Base64); returns an empty object where it is not a JSON object. */
export function parseHeader(header: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(header, 'base64').toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

export function isText(value: unknown): value is string {
  return typeof value === 'string';
}
