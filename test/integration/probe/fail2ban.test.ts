import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { decideServices, type Service } from '../../../src/domain/client-settings';
import { tryLogin } from '../../../src/probe/login';
import { Probes } from '../../../src/probe/probes';
import { defaultPolicy } from '../../../src/settings/settings';
import { failuresIn } from '../../helpers/fail2ban';
import {
  dovecotRelease,
  makeAuthority,
  startMailPorts,
  type Authority,
  type MailPorts,
} from '../../helpers/mail-ports';

/** Filters of Debian's fail2ban. Its jails for Dovecot and Postfix use the first and the third by default. */
const filters = [
  ...['dovecot', 'dovecot[mode=aggressive]'],
  ...['postfix', 'postfix[mode=auth]', 'postfix[mode=aggressive]'],
] as const;

const { incoming, outgoing } = decideServices('example.com', defaultPolicy);
const services = [...incoming, ...outgoing];
const sending = ({ protocol }: Service) => protocol === 'submission';

let authority: Authority;
let ports: MailPorts;
/** For each step: the lines that it left in the logs. */
const lines = new Map<string, string[]>();
/** The lines that each filter counts as failures. */
const failures = new Map<string, Set<string>>();

/** Runs a step, and waits until so many sessions were ended in order in the logs of Dovecot and of Postfix. */
async function step(name: string, dovecot: number, postfix: number, run: () => Promise<unknown>) {
  const before = ports.logged();
  await run();
  const deadline = Date.now() + 10_000;
  for (;;) {
    const after = ports.logged();
    const added = {
      dovecot: after.dovecot.slice(before.dovecot.length),
      postfix: after.postfix.slice(before.postfix.length),
    };
    const count = (log: string, what: RegExp) => log.match(what)?.length ?? 0;
    if (
      count(added.dovecot, /logging out|Logged out|SSL_accept\(\) .*(no auth|during TLS)/g) ===
        dovecot &&
      count(added.postfix, /quit=1/g) === postfix &&
      count(after.postfix, / connect from /g) === count(after.postfix, / disconnect from /g)
    ) {
      lines.set(name, (added.dovecot + added.postfix).split('\n'));
      return;
    }
    if (Date.now() > deadline) throw new Error(`${name}: ${added.dovecot}${added.postfix}`);
    await setTimeout(20);
  }
}

beforeAll(async () => {
  authority = makeAuthority();
  ports = await startMailPorts(authority.issue(['mail.example.com']), { bob: 'right' });
  const newProbes = () =>
    new Probes({
      resolve: () => Promise.resolve(['127.0.0.1']),
      roots: authority.root,
      portOf: ports.portOf,
    });
  // After this step no line of the start is missing.
  await step('start', 6, 4, () => newProbes().observe(services));
  const probes = newProbes();
  // Each check has a further connection, to port 25, and the first one tests for injection.
  await step('first check', 6, 4, () => probes.observe(services));
  await step('next check', 4, 3, () => probes.refresh(services));
  for (const service of services) {
    const [dovecot, postfix] = sending(service) ? [0, 1] : [1, 0];
    for (const password of ['right', 'wrong']) {
      await step(`${password} ${service.port}`, dovecot, postfix, () =>
        tryLogin(service, 'bob', password, probes),
      );
    }
  }
  const log = [...lines.values()].flat().join('\n');
  for (const filter of filters) failures.set(filter, failuresIn(log, filter));
}, 60_000);

afterAll(() => {
  ports.close();
  authority.remove();
});

/** Debian 13's filter does not know what Dovecot 2.4 writes. */
const known = dovecotRelease() === '2.3' ? 1 : 0;

/** How many failures each filter counts in the lines of a step. */
const countsOf = (name: string) =>
  filters.map(
    (filter) => lines.get(name)?.filter((line) => failures.get(filter)?.has(line)).length,
  );

test.each([
  // Dovecot logs "no auth attempts" for each of its four ports, whatever the client does.
  ['next check', [0, known * 4, 0, 0, 0]],
  // Testing POP3 for injection adds one.
  ['first check', [0, known * 5, 0, 0, 0]],
  ...services.flatMap((service): [string, number[]][] => [
    [`right ${service.port}`, [0, 0, 0, 0, 0]],
    [`wrong ${service.port}`, sending(service) ? [0, 0, 0, 1, 2] : [known, known, 0, 0, 0]],
  ]),
])('failures that fail2ban counts: %s', (name, counts) => {
  expect([name, countsOf(name)]).toEqual([name, counts]);
});
