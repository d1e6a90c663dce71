import { describe, expect, test } from '@jest/globals';
import { loginIn, loginStylesOf, standInStyle, styleOf } from '../../src/domain/login-style';

/** Mailboxes from `address login` pairs. */
const named = (...pairs: readonly (readonly [string, string])[]) =>
  pairs.map(([local, login]) => ({ local, login }));

describe('the styles of logins', () => {
  // list_append_styles() of Virtualmin.
  test.each([
    ['bob.example', '', '.example'],
    ['bob-example', '', '-example'],
    ['example.bob', 'example.', ''],
    ['example-bob', 'example-', ''],
    ['bob_example', '', '_example'],
    ['example_bob', 'example_', ''],
    ['bob@example.com', '', '@example.com'],
    ['bob%example', '', '%example'],
    ['bob', '', ''],
  ])('%s', (login, before, after) => {
    expect(loginStylesOf(named(['bob', login]))).toEqual([{ before, after, mailboxes: 1 }]);
  });

  test('are counted, the most frequent first', () => {
    const mailboxes = named(
      ['kim', 'x-kim'],
      ['bob', 'bob.x'],
      ['ann', 'ann.x'],
      ['zoe', 'manager'],
    );
    expect(loginStylesOf(mailboxes)).toEqual([
      { before: '', after: '.x', mailboxes: 2 },
      { before: 'x-', after: '', mailboxes: 1 },
    ]);
  });

  test('a login that could be of several counts for the usual one', () => {
    const mailboxes = named(['a', 'a.a'], ['bob', 'bob.a'], ['kim', 'kim.a']);
    expect(loginStylesOf(mailboxes)).toEqual([{ before: '', after: '.a', mailboxes: 3 }]);
    const [first] = mailboxes;
    expect(first && styleOf(first, loginStylesOf(mailboxes))).toMatchObject({ after: '.a' });
  });

  test('an empty part before the @ has none', () => {
    expect(loginStylesOf(named(['', 'bob']))).toEqual([]);
  });

  test('a login of another style has none of them', () => {
    expect(
      styleOf({ local: 'bob', login: 'x-bob' }, loginStylesOf(named(['a', 'a.x']))),
    ).toBeNull();
  });
});

describe('the style for an address that does not exist', () => {
  const styles = loginStylesOf(
    named(['ann', 'ann.x'], ['bob', 'bob.x'], ['kim', 'kim.x'], ['zoe', 'x-zoe']),
  );

  test('comes as often as among the mailboxes', () => {
    const chosen = Array.from({ length: 400 }, (_, i) =>
      standInStyle(styles, 'x.example', i / 400),
    );
    expect(chosen.filter(({ after }) => after === '.x')).toHaveLength(300);
    expect(chosen.filter(({ before }) => before === 'x-')).toHaveLength(100);
  });

  test('stays for most addresses when another style becomes the most frequent', () => {
    const [bob, zoe] = [named(['bob', 'bob.x']), named(['zoe', 'x-zoe'])];
    const before = loginStylesOf([...bob, ...bob, ...bob, ...zoe, ...zoe]);
    const after = loginStylesOf([...bob, ...bob, ...zoe, ...zoe, ...zoe]);
    const chances = Array.from({ length: 100 }, (_, i) => i / 100);
    const changed = chances.filter((chance) => {
      const [one, other] = [before, after].map((all) => standInStyle(all, 'x.example', chance));
      return one?.after !== other?.after;
    });
    expect(changed).toHaveLength(20);
  });

  test('makes a login', () => {
    expect(loginIn(standInStyle(styles, 'x.example', 0), 'no.body')).toBe('no.body.x');
    expect(loginIn(standInStyle(styles, 'x.example', 0.99), 'no.body')).toBe('x-no.body');
  });

  test('is the address where no mailbox has a style', () => {
    expect(loginIn(standInStyle([], 'x.example', 0.5), 'bob')).toBe('bob@x.example');
  });
});
