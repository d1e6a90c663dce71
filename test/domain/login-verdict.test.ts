import { expect, test } from '@jest/globals';
import { loginVerdict, type LoginResult, type LoginVerdict } from '../../src/domain/login-verdict';

/** The verdict by the result of the e-mail address as login; `none` if the address is the login. */
type ByAddress = Readonly<Record<'none' | LoginResult, LoginVerdict>>;

const always = (verdict: LoginVerdict): ByAddress => ({
  none: verdict,
  accepted: verdict,
  refused: verdict,
  unknown: verdict,
});

test.each<[LoginResult, LoginResult, ByAddress]>([
  ['accepted', 'accepted', { ...always('works'), refused: 'works-and-address-does-not' }],
  ['accepted', 'refused', always('sending-refuses')],
  ['accepted', 'unknown', always('server')],
  ['refused', 'accepted', always('receiving-refuses')],
  ['refused', 'refused', { ...always('password-wrong'), accepted: 'address-instead-of-login' }],
  ['refused', 'unknown', { ...always('server'), accepted: 'address-instead-of-login' }],
  ['unknown', 'accepted', always('server')],
  ['unknown', 'refused', always('server')],
  ['unknown', 'unknown', always('server')],
])('login %s for reading and %s for sending: the verdict', (incoming, outgoing, expected) => {
  expect({
    none: loginVerdict({ incoming, outgoing, address: null }),
    accepted: loginVerdict({ incoming, outgoing, address: 'accepted' }),
    refused: loginVerdict({ incoming, outgoing, address: 'refused' }),
    unknown: loginVerdict({ incoming, outgoing, address: 'unknown' }),
  }).toEqual(expected);
});
