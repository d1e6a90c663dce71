const part = encodeURIComponent;

/** Every address of the app, from its parts; each part is percent-encoded here and nowhere else. */
export const links = {
  asset: (name: string) => `/assets/${name}`,
  domains: () => '/',
  domain: (domain: string) => `/domains/${part(domain)}`,
  mailboxesCsv: (domain: string) => `/domains/${part(domain)}/mailboxes.csv`,
  mailboxesJson: (domain: string) => `/domains/${part(domain)}/mailboxes.json`,
  sheets: (domain: string) => `/domains/${part(domain)}/sheets`,
  mailbox: (domain: string, login: string) => `/domains/${part(domain)}/mailboxes/${part(login)}`,
  settingsText: (domain: string, login: string) => `${links.mailbox(domain, login)}/settings.txt`,
  settingsJson: (domain: string, login: string) => `${links.mailbox(domain, login)}/settings.json`,
  sheet: (domain: string, login: string) => `${links.mailbox(domain, login)}/sheet`,
};
