import type { Mailbox } from '../../src/domain/mailbox';
import type { VirtualServer } from '../../src/domain/virtual-server';

export const exampleCom: VirtualServer = {
  name: 'example.com',
  description: 'Example Ltd',
  reseller: null,
  place: { kind: 'top-level' },
  mail: true,
  disabled: null,
};

export const bob: Mailbox = {
  emailAddress: 'bob@example.com',
  login: 'bob.example',
  name: 'bob',
  realName: 'Bob Example',
  extraAddresses: [],
  recoveryAddress: null,
  disabled: false,
  owner: false,
  passwordAccepted: true,
};
