import { version } from '../../package.json';
import { separatorIn } from '../formats/csv';

const part = encodeURIComponent;

/** The URL prefixes of pages, assets and help pages, as browsers see them; `help` is '' where there is no help. */
export interface MountPoint {
  readonly pages: string;
  readonly assets: string;
  readonly help: string;
}

/** The app's URLs. */
export type Links = ReturnType<typeof linksAt>;

/** Functions for the app's URLs. Only they percent-encode parts of a path. */
export function linksAt({ pages, assets, help }: MountPoint) {
  const domainAt = (domain: string) => `${pages}/domains/${part(domain)}`;
  const mailboxAt = (domain: string, login: string) =>
    `${domainAt(domain)}/mailboxes/${part(login)}`;
  return {
    /** The URL contains the version, because MiniServ lets browsers store a file for a week. */
    asset: (name: string) => `${assets}/${name}?v=${version}`,
    /** A help page of the panel, for a document that is not inside the panel's page. Null where there is none. */
    help: (page: string) => (help === '' ? null : `${help}/${page}`),
    domains: () => `${pages}/`,
    domain: domainAt,
    branding: () => `${pages}/branding`,
    resellerBranding: (reseller: string) => `${pages}/branding/resellers/${part(reseller)}`,
    domainBranding: (domain: string) => `${domainAt(domain)}/branding`,
    /** `version` changes with the image. */
    logo: (domain: string, version: string) => `${domainAt(domain)}/logo?v=${part(version)}`,
    mailboxesCsv: (domain: string, language: string) =>
      `${domainAt(domain)}/mailboxes.csv?separator=${separatorIn(language)}`,
    mailboxesJson: (domain: string) => `${domainAt(domain)}/mailboxes.json`,
    /** The table of the list alone, for its script. */
    list: (domain: string) => `${domainAt(domain)}/list`,
    logins: (domain: string) => `${domainAt(domain)}/logins.json`,
    dns: (domain: string) => `${domainAt(domain)}/dns.txt`,
    sheets: (domain: string) => `${domainAt(domain)}/sheets`,
    /** `sheets.pdf` or `sheets.zip`. */
    sheetsFile: (domain: string, name: string) => `${domainAt(domain)}/${name}`,
    jobs: (domain: string) => `${domainAt(domain)}/jobs`,
    mailbox: mailboxAt,
    /** One of the files of routes/mailbox-files.ts. */
    mailboxFile: (domain: string, login: string, name: string) =>
      `${mailboxAt(domain, login)}/${name}`,
    check: (domain: string) => `${domainAt(domain)}/check`,
    checkJson: (domain: string) => `${domainAt(domain)}/check.json`,
    servers: () => `${pages}/servers`,
    serversCsv: (language: string) => `${pages}/servers.csv?separator=${separatorIn(language)}`,
    domainDiscovery: (domain: string) => `${domainAt(domain)}/discovery`,
    domainDiscoveryJson: (domain: string) => `${domainAt(domain)}/discovery.json`,
    discovery: (domain: string, login: string) => `${mailboxAt(domain, login)}/discovery`,
    tryLogin: (domain: string, login: string) => `${mailboxAt(domain, login)}/try`,
    send: (domain: string, login: string) => `${mailboxAt(domain, login)}/send`,
    sheet: (domain: string, login: string) => `${mailboxAt(domain, login)}/sheet`,
  };
}

/** The URLs for a mailbox owner, which contain neither a domain nor a login: see own-mailbox.ts. */
export function ownMailboxLinks(links: Links): Links {
  const own = (name = '') => `${links.domains()}${name}`;
  return {
    ...links,
    mailbox: () => own(),
    sheet: () => own('sheet'),
    mailboxFile: (_domain, _login, name) => own(name),
    logo: (_domain, version) => `${own('logo')}?v=${part(version)}`,
  };
}

/** The URLs in standalone operation. */
export const ownLinks = linksAt({ pages: '', assets: '/assets', help: '' });
