import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Publish, Served } from './autoconfig-host';
import type { Way } from './client';
import type { HandedOut } from './handed-out';
import { recipient, type BenchMailbox } from './mailboxes';
import type { MailServers } from './servers';

/** What a client should do. */
export type Expected =
  'logs in' | 'guesses wrong' | 'refuses the name' | 'refuses the host' | 'accepts any certificate';

/** What became of one run. */
export interface Cell {
  readonly expected: Expected;
  readonly mark: string;
  /** What the client said. */
  readonly said: string;
  /** Null where the cell is as it should be. */
  readonly wrong: string | null;
}

const marks: Readonly<Record<Expected, string>> = {
  'logs in': 'ok',
  'guesses wrong': 'refused',
  'refuses the name': 'refused',
  'refuses the host': 'refused',
  'accepts any certificate': 'not checked',
};

/** What runs beside the clients. */
export interface Bench {
  readonly servers: MailServers;
  readonly publish: Publish;
}

/** What clients say when they object to a certificate. */
export const aboutCertificate = /certifica|\bcert\b|zertifikat|hostname .*match/i;

/** The user names that a client can make of an e-mail address. */
export const guessable = (emailAddress: string): readonly string[] => [
  emailAddress,
  emailAddress.slice(0, emailAddress.indexOf('@')),
];

/** The cell of a way that a row is not for. */
export const notRun: Cell = { expected: 'logs in', mark: '-', said: '', wrong: null };

let attempts = 0;

/** Runs a client once, and judges by what it received, what arrived, and the logs of the servers. */
export async function attempt(
  way: Way,
  mailbox: BenchMailbox,
  given: HandedOut,
  expected: Expected,
  { servers, publish }: Bench,
): Promise<Cell> {
  const { login, emailAddress } = given.settings;
  const names = way.guesses === true ? guessable(emailAddress) : [];
  const logins = () => {
    const guessed = [...new Set([login, ...names])].map((name) => servers.logins(name).refused);
    return {
      accepted: servers.logins(login).accepted,
      refused: guessed.reduce((sum, one) => sum + one, 0),
    };
  };
  const before = logins();
  const waiting = `waiting${++attempts}x`;
  const sending = `sending${attempts}x`;
  const remove = servers.deliver(mailbox, waiting);
  publish(mailbox.emailAddress, servedFor(way, given));
  const home = mkdtempSync(join(tmpdir(), 'home-'));
  const run = { ...given, password: mailbox.password, waiting, sending, home };
  const { received, said } = await way
    .run({ ...run, recipient: recipient.emailAddress })
    .catch((error: unknown) => ({ received: '', said: String(error) }));
  const succeeds = expected === 'logs in' || expected === 'accepts any certificate';
  const read = received.includes(waiting);
  const sent = way.sends && (await servers.arrived(recipient, sending, succeeds ? 5 : 0));
  remove();
  const after = logins();
  const [accepted, refused] = [after.accepted > before.accepted, after.refused > before.refused];
  const faults = succeeds
    ? [
        ...(way.reads && !read ? ['has not read the message'] : []),
        ...(way.sends && !sent ? ['has not sent a message'] : []),
        ...(accepted ? [] : ['the servers saw no login']),
        ...(refused && way.guesses !== true ? ['the servers refused a login'] : []),
      ]
    : [
        ...(read || sent || accepted ? ['is logged in'] : []),
        ...(expected !== 'refuses the host' && !refused ? ['fails before it logs in'] : []),
        ...(expected === 'refuses the host' && refused ? ['has sent the password'] : []),
        ...(expected === 'refuses the host' &&
        way.saysNoReason !== true &&
        !aboutCertificate.test(said)
          ? ['fails, and says nothing about the certificate']
          : []),
      ];
  const wrong = faults.length === 0 ? null : faults.join(', ');
  return {
    expected,
    mark: wrong === null ? marks[expected] : 'WRONG',
    said: said.replaceAll(home, '~').replaceAll(mailbox.emailAddress, 'ADDRESS'),
    wrong,
  };
}

function servedFor({ guesses, answered }: Way, { autoconfig }: HandedOut): Served {
  if (guesses === true) return { kind: 'nothing' };
  return answered === true ? { kind: 'answer' } : { kind: 'file', autoconfig };
}
