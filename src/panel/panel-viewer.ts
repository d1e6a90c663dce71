import { isDomainName } from '../domain/domain-name';
import { permissions, viewerRoles, type Viewer, type ViewerRole } from '../domain/viewer';
import { isText, parseHeader } from './panel-header';

/** The viewer of a request of the panel, and the app's URLs in the panel. */
export interface PanelViewer extends Viewer {
  /** The path of the module's `index.cgi`, which is the prefix of every page. */
  readonly pages: string;
  /** The path of the module's folder of assets. */
  readonly assets: string;
  /** The path of the panel's help pages of the module; '' where the panel sends none. */
  readonly help: string;
  /** The token that a form must contain: it shows that the form is the app's and of this session (CSRF). */
  readonly token: string;
  /** In the panel's notation, such as `fr` or `fr.UTF-8`; '' where the panel sends none. */
  readonly language: string;
}

/** In characters: 128 bits in hexadecimal. */
const minTokenLength = 32;

/**
 * Parses the viewer header of the panel: a JSON object in Base64 with `user`, `role`, `domains` (`"*"` or
 * a list of names), `may` (a list of permissions), `pages`, `assets`, `token` and optionally `help` and
 * `language`.
 * A mailbox owner has one domain at most. Null where it is anything else.
 */
export function parseViewer(header: string | undefined): PanelViewer | null {
  const given = parseHeader(header ?? '');
  const { user, role, domains, may, pages, assets, help, token, language } = given;
  const known =
    isText(user) &&
    user !== '' &&
    isRole(role) &&
    isPath(pages) &&
    isPath(assets) &&
    isText(token) &&
    token.length >= minTokenLength &&
    Array.isArray(may);
  if (!known) return null;
  const visible = domainsOf(domains);
  if (visible === null) return null;
  if (role === 'mailbox-owner' && (visible === 'all' || visible.size > 1)) return null;
  const granted: readonly unknown[] = may;
  return {
    user,
    role,
    domains: visible,
    may: new Set(permissions.filter((one) => granted.includes(one))),
    pages,
    assets,
    help: isPath(help) ? help : '',
    token,
    language: isText(language) ? language : '',
  };
}

function isRole(value: unknown): value is ViewerRole {
  return viewerRoles.some((role) => role === value);
}

/** True for a path on the panel's host. Two slashes at the beginning would name another host. */
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
