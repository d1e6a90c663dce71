/** What Virtualmin calls someone who is logged in. */
export const viewerRoles = ['master-admin', 'reseller', 'domain-owner', 'extra-admin'] as const;

export type ViewerRole = (typeof viewerRoles)[number];

/** What a master admin may keep a user of the panel from: seeing settings at all, sheets, checks. */
export const permissions = ['see', 'print', 'check'] as const;

export type Permission = (typeof permissions)[number];

/** Who is looking, and what they may see. */
export interface Viewer {
  readonly user: string;
  readonly role: ViewerRole;
  /** The domains whose users they may manage, by their ASCII names. */
  readonly domains: 'all' | ReadonlySet<string>;
  readonly may: ReadonlySet<Permission>;
}

/** Whether someone may see the mailboxes of a domain. */
export function maySee({ domains }: Viewer, domain: string): boolean {
  return domains === 'all' || domains.has(domain);
}

/** Whose branding it is: the server's, that of one reseller's domains, or one domain's. */
export type BrandingOwner =
  | { readonly kind: 'server' }
  | { readonly kind: 'reseller'; readonly name: string }
  | { readonly kind: 'domain'; readonly name: string };

/** Whether someone may change a branding: a master admin every one, a reseller their own and their domains'. */
export function mayBrand(viewer: Viewer, owner: BrandingOwner): boolean {
  if (viewer.role === 'master-admin') return true;
  if (viewer.role !== 'reseller') return false;
  switch (owner.kind) {
    case 'server':
      return false;
    case 'reseller':
      return owner.name === viewer.user;
    case 'domain':
      return maySee(viewer, owner.name);
  }
}

/**
 * Whether someone may write words of their own into a mail of the host's: who sells the hosting may. To
 * a customer it would be a way to write to anybody in the host's name.
 */
export function mayWriteMail({ role }: Viewer): boolean {
  return role === 'master-admin' || role === 'reseller';
}
