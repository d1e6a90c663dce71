import type { BrandingStore } from './branding-store';
import { nearestBranding, noBranding, type Branding } from '../domain/branding';
import { policyFor, type MailPolicies, type MailPolicy } from '../domain/policy';
import type { BrandingOwner } from '../domain/viewer';
import type { VirtualServer } from '../domain/virtual-server';

/** The mail policy of each domain: the settings, with the saved brandings over them. */
export class Policies {
  constructor(
    private readonly settings: () => MailPolicies,
    /** Null if brandings cannot be saved. */
    readonly store: BrandingStore | null,
  ) {}

  async of({ name, reseller }: Pick<VirtualServer, 'name' | 'reseller'>): Promise<MailPolicy> {
    const owner = { kind: 'domain', name } as const;
    const [own, above] = await Promise.all([this.#saved(owner), this.above(owner, reseller)]);
    return withBranding(above, own);
  }

  /** The policy of an owner without what is saved for that owner. `reseller` is the domain's; null for other owners. */
  async above(owner: BrandingOwner, reseller: string | null): Promise<MailPolicy> {
    const domain = owner.kind === 'domain' ? owner.name : '';
    const saved: Promise<Branding>[] = [];
    if (reseller !== null) saved.push(this.#saved({ kind: 'reseller', name: reseller }));
    if (owner.kind !== 'server') saved.push(this.#saved({ kind: 'server' }));
    return policyFor(this.settings(), domain, await Promise.all(saved));
  }

  /** The domains of the settings that are not among all of a host's: most often a spelling mistake. */
  unknownDomains(servers: readonly Pick<VirtualServer, 'name'>[]): string[] {
    const names = new Set(servers.map(({ name }) => name));
    return [...this.settings().byDomain.keys()].filter((domain) => !names.has(domain));
  }

  async #saved(owner: BrandingOwner): Promise<Branding> {
    return (await this.store?.read(owner))?.branding ?? noBranding;
  }
}

/** A policy with a branding that overrides its own. */
export function withBranding(policy: MailPolicy, branding: Branding): MailPolicy {
  return { ...policy, branding: nearestBranding([branding, policy.branding]) };
}
