import { describe, expect, test } from '@jest/globals';
import { countDiffering, selectMailboxes, type MailboxQuery } from '../../src/domain/mailbox-list';
import { pageOf } from '../../src/domain/page';
import { bob } from '../helpers/domain';

const mailboxes = [
  { ...bob, emailAddress: 'user10@x.example', login: 'user10@x.example', realName: 'Åsa' },
  { ...bob, emailAddress: 'user9@x.example', login: 'aaa.x', realName: 'Zoë Müller' },
  {
    ...bob,
    emailAddress: 'bob@x.example',
    login: 'zzz.x',
    realName: '',
    extraAddresses: ['sales@x.example'],
  },
];
const users = { domain: 'x.example', mailboxes, withoutMail: [] };

function find(changes: Partial<MailboxQuery>) {
  const query = {
    search: '',
    onlyDiffering: false,
    onlyNever: false,
    sort: 'address',
    descending: false,
    ...changes,
  } as const;
  return selectMailboxes(users, query).map(({ emailAddress }) => emailAddress.split('@')[0]);
}

describe('selectMailboxes', () => {
  test.each([
    ['everyone by address, numbers as numbers', {}, ['bob', 'user9', 'user10']],
    ['the other way round', { descending: true }, ['user10', 'user9', 'bob']],
    ['by user name', { sort: 'login' }, ['user9', 'user10', 'bob']],
    ['by real name', { sort: 'name' }, ['bob', 'user10', 'user9']],
    ['only those that differ', { onlyDiffering: true }, ['bob', 'user9']],
    ['a part of the address', { search: 'user1' }, ['user10']],
    ['a part of the login', { search: 'ZZZ' }, ['bob']],
    ['a name without its accents', { search: 'zoe muller' }, ['user9']],
    ['an extra address', { search: 'sales@' }, ['bob']],
    ['nothing', { search: 'nobody' }, []],
    ['characters that mean something elsewhere', { search: '.*' }, []],
  ] as const)('%s', (_what, changes, expected) => {
    expect(find(changes)).toEqual(expected);
  });

  test('reversing the order does not change the filter', () => {
    find({ descending: true });
    expect(find({})).toEqual(['bob', 'user9', 'user10']);
  });
});

test('countDiffering counts the logins unlike the address', () => {
  expect(countDiffering(users)).toBe(2);
});

describe('pageOf', () => {
  const list = Array.from({ length: 250 }, (_, index) => index);

  test.each([
    ['first', 1, 0, 100, 1],
    ['last', 3, 200, 50, 3],
    ['one too far', 4, 200, 50, 3],
  ])('%s', (_what, requested, first, length, number) => {
    const page = pageOf(list, requested);
    expect(page).toMatchObject({ number, of: 3, total: 250 });
    expect([page.items[0], page.items.length]).toEqual([first, length]);
  });

  test('an empty list has one empty page', () => {
    expect(pageOf([], 1)).toEqual({ items: [], number: 1, of: 1, total: 0 });
  });
});
