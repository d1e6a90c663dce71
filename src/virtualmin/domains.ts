import { isDomainName } from '../domain/domain-name';
import type { ServerRelation, VirtualServer } from '../domain/virtual-server';
import type { Row, RowShape } from './answer';

/** The fields of list-domains that are kept. `password` and `hashed_password` never are. */
const domainFields = [
  'description',
  'type',
  'parent_domain',
  'real_domain',
  'features',
  'disabled',
  'reseller',
] as const;

type DomainField = (typeof domainFields)[number];

/** The rows of `list-domains --multiline`. */
export const domainRows: RowShape<DomainField> = {
  fields: domainFields,
  name: /^\S+$/,
  begins: 'id',
  // An administrator types why a domain is disabled.
  typed: ['description', 'disabled'],
};

/** The rows of a list of names (`name-only=`). */
export const nameRows: RowShape<never> = { fields: [], name: /^\S+$/, begins: null, typed: [] };

type DomainRow = Row<DomainField>;

/** Turns the rows of `list-domains --multiline` into virtual servers, sorted by name. */
export function toVirtualServers(rows: readonly DomainRow[]): VirtualServer[] {
  const resellers = new Map(rows.map((row) => [row.name.toLowerCase(), resellerOf(row)]));
  return rows
    .filter((row) => isDomainName(row.name))
    .map((row) => {
      const name = row.name.toLowerCase();
      const relation = relationOf(row);
      return {
        name,
        description: (row.values.description?.[0] ?? '').replace(/\p{Cc}+/gu, ' '),
        // A sub-server belongs to its parent's reseller.
        reseller: resellers.get(parentOf(relation) ?? name) ?? null,
        relation,
        mail: (row.values.features?.[0] ?? '').split(/\s+/).includes('mail'),
        disabled: row.values.disabled?.[0] ?? null,
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The names of all virtual servers, and of those with each property. */
export interface NameLists {
  readonly all: ReadonlySet<string>;
  readonly mail: ReadonlySet<string>;
  readonly alias: ReadonlySet<string>;
  readonly subServer: ReadonlySet<string>;
  readonly disabled: ReadonlySet<string>;
}

/** The domain names in the rows of `list-domains --name-only`, which may also contain lines of a log. */
export function toNames(rows: readonly Row<never>[]): ReadonlySet<string> {
  return new Set(rows.map(({ name }) => name.toLowerCase()).filter(isDomainName));
}

/** Turns lists of names into virtual servers, sorted by name. Fields that the lists do not show stay empty or null. */
export function fromNames({ all, mail, alias, subServer, disabled }: NameLists): VirtualServer[] {
  return [...all].sort().map((name) => ({
    name,
    description: '',
    reseller: null,
    relation: alias.has(name)
      ? { kind: 'alias', of: null }
      : subServer.has(name)
        ? { kind: 'sub-server', parent: null }
        : { kind: 'top-level' },
    mail: mail.has(name),
    disabled: disabled.has(name) ? '' : null,
  }));
}

/** The reseller in Virtualmin Pro; the first one where a domain has several. */
function resellerOf({ values }: DomainRow): string | null {
  return /\S+/.exec(values.reseller?.[0] ?? '')?.[0] ?? null;
}

function parentOf(relation: ServerRelation): string | null {
  return relation.kind === 'sub-server' ? relation.parent : null;
}

function relationOf(row: DomainRow): ServerRelation {
  const { real_domain, parent_domain } = row.values;
  if (real_domain?.[0]) return { kind: 'alias', of: real_domain[0].toLowerCase() };
  if (parent_domain?.[0]) return { kind: 'sub-server', parent: parent_domain[0].toLowerCase() };
  return { kind: 'top-level' };
}
