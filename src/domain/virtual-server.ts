/** A domain hosted by Virtualmin. */
export interface VirtualServer {
  /** ASCII, lower-case: an internationalised name is in its `xn--` form. */
  readonly name: string;
  /** What the owner calls it; may be empty, and is in a list of names alone. */
  readonly description: string;
  /** Whose customer its owner is; null where it is the host's own, and in a list of names alone. */
  readonly reseller: string | null;
  readonly place: Place;
  /** Whether Virtualmin handles mail for it. */
  readonly mail: boolean;
  /** Why it is disabled, in Virtualmin's words (may be empty); null where it is not. */
  readonly disabled: string | null;
}

/** Where a virtual server stands among the others; the other one is null in a list of names alone. */
export type Place =
  | { readonly kind: 'top-level' }
  | { readonly kind: 'sub-server'; readonly parent: string | null }
  | { readonly kind: 'alias'; readonly of: string | null };
