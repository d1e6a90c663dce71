import { Builder } from 'xml2js';

// prettier-ignore
const firstNames = [
  'Ada', 'Bjørn', 'Chloé', 'Dmitri', 'Eleni', 'Farid', 'Grace', 'Hélène', 'Ivo', 'Jürgen',
  'Kasia', 'Łukasz', 'Mei', 'Niamh', 'Olga', 'Pat', 'Quentin', 'Rosa', 'Søren', 'Tomáš',
];
// prettier-ignore
const lastNames = [
  'Almeida', 'Brandt', "O'Connor", 'Dąbrowski', 'Eriksen', 'Fischer', 'García', 'van den Heuvel', 'Ito', 'Janssens',
  'Kowalska', 'Lefèvre', 'Müller', 'Novák', 'Okafor', 'Petrov', 'Quist', 'Rossi', 'Smith & Sons', 'Tóth',
];

interface User {
  readonly name: string;
  readonly values: Readonly<Record<string, string>>;
}

/**
 * An answer like the one a real Virtualmin gave for a domain of 5,000 mailboxes: as many bytes,
 * secrets included. The same arguments give the same bytes.
 */
export function bigDomainAnswer(format: 'json' | 'xml', domain: string, mailboxes: number): string {
  const users = Array.from({ length: mailboxes }, (_, index) => user(domain, index));
  return format === 'json' ? toJson(users) : toXml(users);
}

function user(domain: string, index: number): User {
  const prefix = domain.split('.')[0] ?? domain;
  const number = String(index + 1).padStart(4, '0');
  const first = firstNames[index % firstNames.length] ?? '';
  const last = lastNames[Math.floor(index / firstNames.length) % lastNames.length] ?? '';
  const short = `user${number}`;
  // A few were made when the naming style was the e-mail address.
  const login = index % 10 === 9 ? `${short}@${domain}` : `${short}.${prefix}`;
  const home = `/home/${prefix}/homes/${short}`;
  return {
    name: login,
    values: {
      disabled: index % 500 === 7 ? 'Yes' : 'No',
      domain,
      email_address: `${short}@${domain}`,
      encrypted_password: `$y$j9T$DEMO.${number.repeat(5)}$${`demo${number}`.repeat(5)}`,
      ...(index % 25 === 3
        ? { extra_addresses: `team${number}@${domain} desk${number}@${domain}` }
        : {}),
      ftp_access: 'No',
      home_directory: home,
      login_permissions: 'Email only',
      mail_location: `${home}/Maildir`,
      mail_storage_type: 'Maildir',
      no_password_accepted: 'No',
      real_name: `${first} ${last}`,
      shell: '/dev/null',
      unix_username: login,
      user: short,
      user_type: 'Normal user',
    },
  };
}

function toJson(users: readonly User[]): string {
  const data = users.map(({ name, values }) => ({
    name,
    values: Object.fromEntries(Object.entries(values).map(([key, value]) => [key, [value]])),
  }));
  return JSON.stringify({ command: 'list-users', status: 'success', data }, null, 3);
}

function toXml(users: readonly User[]): string {
  const data = users.map(({ name, values }) => ({ $: { name }, values }));
  return new Builder({ headless: true }).buildObject({
    api: { $: { command: 'list-users', status: 'success' }, data },
  });
}
