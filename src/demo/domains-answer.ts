import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Recorded {
  readonly data: readonly {
    readonly name: string;
    readonly values: Readonly<Record<string, readonly string[]>>;
  }[];
}

/** What each filter of list-domains lets through. */
const filters: Readonly<
  Record<string, (values: Recorded['data'][number]['values'], given: string) => boolean>
> = {
  'with-feature': ({ features }, given) => (features?.[0] ?? '').split(' ').includes(given),
  alias: ({ type }) => type?.[0] === 'Alias',
  // Virtualmin's "parent" is set for an alias too.
  subserver: ({ type }) => type?.[0] !== 'Top-level server',
  disabled: ({ disabled }) => disabled !== undefined,
};

/**
 * What list-domains answers, from the recording of all of them: itself, one domain of it, or names alone, as a real one
 * writes them. Null where there is no such domain.
 */
export function domainsAnswer(
  recordings: string,
  format: 'json' | 'xml',
  asked: URLSearchParams,
): string | Buffer | null {
  const whole = readFileSync(join(recordings, `list-domains.${format}`));
  const domain = asked.get('domain');
  const nameOnly = asked.has('name-only');
  if (domain === null && !nameOnly) return whole;
  const { data } = JSON.parse(
    readFileSync(join(recordings, 'list-domains.json'), 'utf8'),
  ) as Recorded;
  const found = data.filter(
    ({ name, values }) =>
      (domain === null || name === domain) &&
      Object.entries(filters).every(([key, passes]) => {
        const given = asked.get(key);
        return given === null || passes(values, given);
      }),
  );
  if (domain !== null && found.length === 0) return null;
  if (format === 'json') {
    const rows = nameOnly ? found.map(({ name }) => ({ name, values: {} })) : found;
    return JSON.stringify({ command: 'list-domains', status: 'success', data: rows }, null, 3);
  }
  const parts = found.map(({ name }) =>
    nameOnly
      ? `  <data name="${name}">\n    <values></values>\n  </data>\n`
      : (new RegExp(`^  <data name="${name}">[^]*?^  </data>\n`, 'm').exec(whole.toString())?.[0] ??
        ''),
  );
  return `<api command="list-domains" status="success">\n${parts.join('')}</api>\n`;
}
