/** A mailbox of the bench. */
export interface BenchMailbox {
  readonly domain: string;
  readonly emailAddress: string;
  readonly login: string;
  readonly password: string;
  readonly owner?: true;
}

const of = (domain: string) => (name: string, login: string, password: string) => ({
  domain,
  emailAddress: `${name}@${domain}`,
  login,
  password,
});
const example = of('example.com');

const bobsPassword = 'quo"te\'s & back\\slash';

/**
 * One mailbox in each naming style of Virtualmin (`list_append_styles` of virtual-server-lib-funcs.pl), with the prefix
 * `example`, and passwords that a client can get wrong.
 */
export const namingStyles: readonly BenchMailbox[] = [
  { ...example('example', 'example', 'owner of: it all'), owner: true },
  example('bob', 'bob.example', bobsPassword),
  example('ann', 'ann-example', '#not a comment'),
  example('tom', 'example.tom', '$HOME `id` $(id)'),
  example('sue', 'example-sue', '100%25 %s %n'),
  example('max', 'max_example', '{braces} [and] <more>'),
  example('eva', 'example_eva', 'semi;colon|pipe=is'),
  example('lee', 'lee@example.com', '~tilde ^caret!'),
  example('joe', 'joe%example', 'plus+slash/at@colon:'),
  example('kim', 'kim', 'p,a.s-s_w?o*rd'),
  example('ann+tag', 'ann+tag.example', '\\"\'\\\\'),
];

/** A mailbox under its extra address. */
export const byExtraAddress: BenchMailbox = example('info', 'bob.example', bobsPassword);

/** The recipient of everything. */
export const recipient = example('friend', 'friend.example', 'friend');

/** A mailbox in a domain whose mail host is not in the certificate of the server. */
export const otherHost = of('elsewhere.example')('pat', 'pat.elsewhere', 'password');

export const mailboxes: readonly BenchMailbox[] = [...namingStyles, recipient, otherHost];
