import { describe, expect, test } from '@jest/globals';
import { readableDomainName, withAsciiLabels } from '../../src/domain/domain-name';

describe('an internationalised domain is shown', () => {
  test.each([
    ['German', 'xn--mnchen-3ya.example', 'münchen.example'],
    ['a sharp s, which IDNA2008 keeps', 'xn--strae-oqa.example', 'straße.example'],
    ['Cyrillic', 'xn--e1afmkfd.example', 'пример.example'],
    ['Greek', 'xn--hxajbheg2az3al.example', 'παράδειγμα.example'],
    ['Japanese, in three scripts', 'xn--zckzah.example', 'テスト.example'],
    ['Chinese', 'xn--fsqu00a.example', '例子.example'],
    ['Arabic', 'xn--mgbh0fb.example', 'مثال.example'],
    ['Thai', 'xn--72c1a1bt4awk9o.example', 'ตัวอย่าง.example'],
  ])('as people read it: %s', (_name, ascii, readable) => {
    expect(readableDomainName(ascii)).toBe(readable);
  });

  test.each([
    ['a plain one', 'example.com'],
    ['a Cyrillic letter in a Latin name', 'xn--pypal-4ve.com'],
    ['a Cyrillic letter at its beginning', 'xn--pple-43d.com'],
    ['nothing but Cyrillic letters that look Latin', 'xn--80ak6aa92e.com'],
    ['the same, on another level', 'xn--e1awd7f.com'],
    ['a Greek letter in a Latin name', 'xn--ggle-5rdc.com'],
    ['an emoji, which IDNA2008 does not allow', 'xn--ls8h.example'],
    ['a joiner, which nobody sees', 'xn--mgba3gch31f060k.com'],
    ['no valid code', 'xn--a.example'],
    ['a code for nothing but ASCII', 'xn--abc-.example'],
    ['a code for capitals', 'xn--MNCHEN-3ya.example'],
    ['right-to-left and left-to-right letters in one label', 'xn--a-0hc.example'],
  ])('in its xn-- form: %s', (_name, ascii) => {
    expect(readableDomainName(ascii)).toBe(ascii);
  });
});

test.each([
  ['mail.münchen.example', 'mail.xn--mnchen-3ya.example'],
  ['MAIL.MÜNCHEN.example', 'mail.xn--mnchen-3ya.example'],
  ['mu\u0308nchen.example, with a combining mark', 'xn--mnchen-3ya.example, with a combining mark'],
  ['mail.{domain}', 'mail.{domain}'],
  ['münchen.{domain}', 'xn--mnchen-3ya.{domain}'],
  ['MX.Example.net', 'mx.example.net'],
])('the labels of %s are written %s', (typed, ascii) => {
  expect(withAsciiLabels(typed)).toBe(ascii);
});
