import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Recorded {
  readonly data: readonly {
    readonly name: string;
    readonly values: Readonly<Record<string, readonly string[]>>;
  }[];
}

/** The domains that each filter of list-domains selects. */
const filters: Readonly<
  Record<string, (values: Recorded['data'][number]['values'], given: string) => boolean>
> = {
  'with-feature': ({ features }, given) => (features?.[0] ?? '').split(' ').includes(given),
  alias: ({ type }) => type?.[0] === 'Alias',
  // Virtualmin sets "parent" for an alias too.
  subserver: ({ type }) => type?.[0] !== 'Top-level server',
  disabled: ({ disabled }) => disabled !== undefined,
};

/**
 * An answer of list-domains, made from the recording of all domains: the recording itself, one domain, or
 * a list of names. Null where the domain does not exist.
 */
export function domainsAnswer(
  recordings: string,
  format: 'json' | 'xml',
  parameters: URLSearchParams,
): string | Buffer | null {
  const whole = readFileSync(join(recordings, `list-domains.${format}`));
  const domain = parameters.get('domain');
  const nameOnly = parameters.has('name-only');
  if (domain === null && !nameOnly) return whole;
  const { data } = JSON.parse(
    readFileSync(join(recordings, 'list-domains.json'), 'utf8'),
  ) as Recorded;
  const found = data.filter(
    ({ name, values }) =>
      (domain === null || name === domain) &&
      Object.entries(filters).every(([key, passes]) => {
        const given = parameters.get(key);
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
