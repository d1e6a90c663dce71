import { expect, test } from '@jest/globals';
import { Fonts } from '../../../src/formats/pdf/fonts';
import { breakLines } from '../../../src/formats/pdf/paragraph';
import { fonts } from '../../helpers/app';

const opened = new Fonts(fonts);

/** The lines of a value at 10 points, in a column of as many points. */
const lines = (text: string, width: number) =>
  breakLines([{ text, style: 'value' }], 10, width, opened).map(({ runs }) =>
    runs.map((run) => run.text).join(''),
  );

test.each([
  ['a host', 'mail.xn--mnchen-3ya.example', ['mail.xn--mnchen-3ya.', 'example']],
  ['an address', 'information@shop.example.com', ['information@shop.', 'example.com']],
  ['a long part of a name', 'x'.repeat(30), ['x'.repeat(22), 'x'.repeat(8)]],
  ['a long part behind a dot', `a.${'x'.repeat(30)}`, ['a.', 'x'.repeat(22), 'x'.repeat(8)]],
])(
  '%s that is too long for a line is broken behind a dot or an @, if it has one',
  (_what, text, expected) => {
    expect(lines(text, 135)).toEqual(expected);
  },
);
