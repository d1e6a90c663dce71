import { isDomainName } from '../domain/domain-name';
import { permissions, viewerRoles, type Viewer, type ViewerRole } from '../domain/viewer';
import { isText, parseHeader } from './panel-header';

/** Who is looking, and where the panel has us. */
export interface PanelViewer extends Viewer {
  /** The address of the module's `index.cgi`, behind which every page of ours is. */
  readonly pages: string;
  /** The address of the module's folder of assets. */
  readonly assets: string;
  /** What a form has to bring along, so that it is one of ours and of this login. */
  readonly token: string;
  /** As the panel names it, such as `fr` or `fr.UTF-8`; '' where it names none. */
  readonly language: string;
}

/** Characters: 128 bits as hex. */
const shortestToken = 32;

/**
 * Reads what the panel says of a viewer: Base64 of a JSON object with `user`, `role`, `domains` (`"*"`
 * or a list of names), `may` (a list of permissions), `pages`, `assets`, `token` and, if it will,
 * `language`. Null where it is anything else.
 */
export function parseViewer(header: string | undefined): PanelViewer | null {
  const given = parseHeader(header ?? '');
  const { user, role, domains, may, pages, assets, token, language } = given;
  const known =
    isText(user) &&
    user !== '' &&
    isRole(role) &&
    isPath(pages) &&
    isPath(assets) &&
    isText(token) &&
    token.length >= shortestToken &&
    Array.isArray(may);
  if (!known) return null;
  const visible = domainsOf(domains);
  if (visible === null) return null;
  const granted: readonly unknown[] = may;
  return {
    user,
    role,
    domains: visible,
    may: new Set(permissions.filter((one) => granted.includes(one))),
    pages,
    assets,
    token,
    language: isText(language) ? language : '',
  };
}

function isRole(value: unknown): value is ViewerRole {
  return viewerRoles.some((role) => role === value);
}

/** A path on the panel's own host: two slashes at its beginning would be another one. */
function isPath(value: unknown): value is string {
  return isText(value) && /^\/(?!\/)[\w./~-]*$/.test(value);
}

function domainsOf(value: unknown): Viewer['domains'] | null {
  if (value === '*') return 'all';
  if (!Array.isArray(value)) return null;
  const names: unknown[] = value;
  return new Set(
    names
      .filter(isText)
      .filter(isDomainName)
      .map((name) => name.toLowerCase()),
  );
}
