import { decideServices } from '../../src/domain/client-settings';
import type { Mailbox } from '../../src/domain/mailbox';
import type { Observations, Result } from '../../src/domain/observation';
import type { MailPolicy } from '../../src/domain/policy';
import type { VirtualServer } from '../../src/domain/virtual-server';

export const exampleCom: VirtualServer = {
  name: 'example.com',
  description: 'Example Ltd',
  reseller: null,
  relation: { kind: 'top-level' },
  mail: true,
  disabled: null,
};

export const bob: Mailbox = {
  emailAddress: 'bob@example.com',
  login: 'bob.example',
  name: 'bob',
  realName: 'Bob Example',
  extraAddresses: [],
  delivery: { arrives: 'yes', forwardsTo: [] },
  recoveryAddress: null,
  disabled: false,
  owner: false,
  passwordAccepted: true,
  lastLogins: null,
};

/** Observations of a policy's ports at example.com: `results` by port, all others proven. */
export function observationsOf(
  policy: MailPolicy,
  results: Readonly<Record<number, Result>> = {},
  asOf = 0,
): Observations {
  const { incoming, outgoing } = decideServices(exampleCom.name, policy);
  return [incoming, outgoing].map((services) => ({
    host: services[0]?.host ?? '',
    asOf,
    loginOnPort25: false,
    services: services.map(({ protocol, host, port, security }) => ({
      endpoint: { protocol, host, port, security },
      result: results[port] ?? { kind: 'proven' },
      weaknesses: [],
      certificate: null,
      tlsVersion: 'TLSv1.3',
      mechanisms: ['PLAIN'],
      addresses: [],
    })),
  }));
}
