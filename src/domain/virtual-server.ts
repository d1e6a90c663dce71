/** A domain hosted by Virtualmin. */
export interface VirtualServer {
  /** ASCII, lower-case: an internationalised name is in its `xn--` form. */
  readonly name: string;
  /** The owner's description. May be empty; always empty in a list by name. */
  readonly description: string;
  /** The reseller whose customer the owner is; null where there is none, and in a list by name. */
  readonly reseller: string | null;
  readonly relation: ServerRelation;
  /** Whether Virtualmin handles mail for it. */
  readonly mail: boolean;
  /** Why it is disabled, in Virtualmin's words (may be empty); null where it is not. */
  readonly disabled: string | null;
}

/** A virtual server's relation to another one. The other one is null in a list by name. */
export type ServerRelation =
  | { readonly kind: 'top-level' }
  | { readonly kind: 'sub-server'; readonly parent: string | null }
  | { readonly kind: 'alias'; readonly of: string | null };
