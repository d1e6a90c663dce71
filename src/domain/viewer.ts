/**
 * Virtualmin's roles of users of the panel; and in Usermin `mailbox-owner`, who sees only the mailbox whose
 * login is the viewer's name.
 */
export const viewerRoles = [
  'master-admin',
  'reseller',
  'domain-owner',
  'extra-admin',
  'mailbox-owner',
] as const;

export type ViewerRole = (typeof viewerRoles)[number];

/** What a master admin may deny a user of the panel: the settings as a whole, sheets, checks. */
export const permissions = ['see', 'print', 'check'] as const;

export type Permission = (typeof permissions)[number];

/** The user who makes a request, and what that user may see. */
export interface Viewer {
  readonly user: string;
  readonly role: ViewerRole;
  /** The domains whose users the viewer may manage, by ASCII name. */
  readonly domains: 'all' | ReadonlySet<string>;
  readonly may: ReadonlySet<Permission>;
}

/** Whether a viewer may see the mailboxes of a domain. */
export function maySee({ domains }: Viewer, domain: string): boolean {
  return domains === 'all' || domains.has(domain);
}

/** What a branding applies to: the whole server, all domains of one reseller, or one domain. */
export type BrandingOwner =
  | { readonly kind: 'server' }
  | { readonly kind: 'reseller'; readonly name: string }
  | { readonly kind: 'domain'; readonly name: string };

/** Whether a viewer may change a branding: a master admin any, a reseller their own and their domains'. */
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
 * Whether a viewer may change the text of a mail with a sheet. Only those who sell the hosting may: a
 * customer could otherwise write to anybody in the provider's name.
 */
export function mayWriteMail({ role }: Viewer): boolean {
  return role === 'master-admin' || role === 'reseller';
}
