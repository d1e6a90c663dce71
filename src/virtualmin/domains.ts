import { isDomainName } from '../domain/domain-name';
import type { Place, VirtualServer } from '../domain/virtual-server';
import type { Row } from './answer';

/** The fields of list-domains that are kept. `password` and `hashed_password` never are. */
export const domainFields = [
  'description',
  'type',
  'parent_domain',
  'real_domain',
  'features',
  'disabled',
  'reseller',
] as const;

type DomainRow = Row<(typeof domainFields)[number]>;

/** Turns the rows of `list-domains --multiline` into virtual servers, by name. */
export function toVirtualServers(rows: readonly DomainRow[]): VirtualServer[] {
  const resellers = new Map(rows.map((row) => [row.name.toLowerCase(), resellerOf(row)]));
  return rows
    .filter((row) => isDomainName(row.name))
    .map((row) => {
      const name = row.name.toLowerCase();
      const place = toPlace(row);
      return {
        name,
        description: (row.values.description?.[0] ?? '').replace(/\p{Cc}+/gu, ' '),
        // A sub-server follows its parent.
        reseller: resellers.get(place.kind === 'sub-server' ? place.parent : name) ?? null,
        place,
        mail: (row.values.features?.[0] ?? '').split(/\s+/).includes('mail'),
        disabled: row.values.disabled?.[0] ?? null,
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Virtualmin Pro has them, and a domain may have several; the first counts. */
function resellerOf({ values }: DomainRow): string | null {
  return /\S+/.exec(values.reseller?.[0] ?? '')?.[0] ?? null;
}

function toPlace(row: DomainRow): Place {
  const { real_domain, parent_domain } = row.values;
  if (real_domain?.[0]) return { kind: 'alias', of: real_domain[0].toLowerCase() };
  if (parent_domain?.[0]) return { kind: 'sub-server', parent: parent_domain[0].toLowerCase() };
  return { kind: 'top-level' };
}
