import { expect, test } from '@jest/globals';
import { wordsOf } from '../../src/probe/login';

test.each([
  ['as it is', 'bad password Tr0ub4dor'],
  ['in Base64', `bad response ${Buffer.from('Tr0ub4dor').toString('base64')}`],
  ['as AUTH PLAIN', `unknown: AUTH PLAIN ${Buffer.from('\0bob\0Tr0ub4dor').toString('base64')}`],
])("a server's message that repeats the password %s is not shown", (_how, words) => {
  expect(wordsOf(words, 'bob', 'Tr0ub4dor')).toBe('');
});

test('another message of a server is shown, up to 200 characters', () => {
  expect(wordsOf('535 refused', 'bob', 'Tr0ub4dor')).toBe('535 refused');
  expect(wordsOf('x'.repeat(300), 'bob', 'Tr0ub4dor')).toHaveLength(200);
});
