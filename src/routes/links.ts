const part = encodeURIComponent;

/** Every address of the app, from its parts; each part is percent-encoded here and nowhere else. */
export const links = {
  asset: (name: string) => `/assets/${name}`,
  domains: () => '/',
  domain: (domain: string) => `/domains/${part(domain)}`,
  branding: () => '/branding',
  resellerBranding: (reseller: string) => `/branding/resellers/${part(reseller)}`,
  domainBranding: (domain: string) => `/domains/${part(domain)}/branding`,
  /** `version` changes with the picture. */
  logo: (domain: string, version: string) => `/domains/${part(domain)}/logo?v=${part(version)}`,
  mailboxesCsv: (domain: string) => `/domains/${part(domain)}/mailboxes.csv`,
  mailboxesJson: (domain: string) => `/domains/${part(domain)}/mailboxes.json`,
  dns: (domain: string) => `/domains/${part(domain)}/dns.txt`,
  sheets: (domain: string) => `/domains/${part(domain)}/sheets`,
  /** `sheets.pdf` or `sheets.zip`. */
  sheetsFile: (domain: string, name: string) => `/domains/${part(domain)}/${name}`,
  jobs: (domain: string) => `/domains/${part(domain)}/jobs`,
  mailbox: (domain: string, login: string) => `/domains/${part(domain)}/mailboxes/${part(login)}`,
  /** One of the files of routes/mailbox-files.ts. */
  mailboxFile: (domain: string, login: string, name: string) =>
    `${links.mailbox(domain, login)}/${name}`,
  send: (domain: string, login: string) => `${links.mailbox(domain, login)}/send`,
  sheet: (domain: string, login: string) => `${links.mailbox(domain, login)}/sheet`,
};
