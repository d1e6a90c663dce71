import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';
import { noBranding, type Paper } from '../../../src/domain/branding';
import { decideClientSettings } from '../../../src/domain/client-settings';
import { defaultPolicy } from '../../../src/settings/settings';
import { clientIds } from '../../../src/formats/guides';
import { Fonts } from '../../../src/formats/pdf/fonts';
import { sheetsPdf } from '../../../src/formats/pdf/sheets-pdf';
import { sheetOf, type Sheet } from '../../../src/formats/sheet';
import type { Texts } from '../../../src/texts/languages';
import { plain } from '../../../src/texts/rich-text';
import { fonts } from '../../helpers/app';
import { languages } from '../../helpers/languages';
import { bob, exampleCom, observationsOf } from '../../helpers/domain';
import { wordsOfPdf, type Word } from '../../helpers/pdf';

const opened = new Fonts(fonts);

const label = 'x'.repeat(60);

const mailboxes = {
  usual: bob,
  'as long as they get': {
    ...bob,
    login: `${'wide.login'.repeat(6)}.${label}`,
    emailAddress: `${'M'.repeat(64)}@${label}.example.com`,
    realName: 'Wilhelmina '.repeat(11),
    extraAddresses: Array.from({ length: 12 }, (_, index) => `${label}${index}@example.com`),
  },
  'from right to left': { ...bob, realName: 'שלום עולם مرحبا بالعالم (Bob) 123' },
};

const branding = {
  ...noBranding,
  name: 'The Society for Very Long Names of Hosting Companies, Incorporated',
  note: `A note ${'with many words '.repeat(11)}`,
  supportContact: 'A person whose name and telephone number go on for quite a while, 555 0100',
  webmailUrl: `https://${label}.{domain}/webmail/with/a/long/path`,
  clients: clientIds,
};

const policy = { ...defaultPolicy, incomingHost: `${label}.${label}.{domain}`, branding };

/** In points: glyphs may leave their line slightly. */
const hair = 0.6;

const millimetre = 72 / 25.4;
const sideMargin = 12 * millimetre;
const endMargins: Readonly<Record<Paper, number>> = { a4: 10 * millimetre, letter: 8 * millimetre };

/** Pairs of overlapping words. */
function overlaps(words: readonly Word[]): string[] {
  const found: string[] = [];
  words.forEach((one, index) => {
    // The space above and below the letters may overlap the next line's.
    const inset = (one.bottom - one.top) * 0.25;
    for (const other of words.slice(index + 1)) {
      const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const down = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) - inset;
      if (across > hair && down > hair) found.push(`${one.text} | ${other.text}`);
    }
  });
  return found;
}

/** Gives the number of pages. */
async function expectToFit(sheet: Sheet, texts: Texts, paper: Paper): Promise<number> {
  const pdf = await buffer(
    sheetsPdf({
      ...{ title: 'x', sheets: [() => sheet], without: [], texts, paper, asOf: 0 },
      ...{ fonts: opened, signal: new AbortController().signal, progress: () => undefined },
    }),
  );
  const pages = wordsOfPdf(pdf);
  expect(pages.length).toBeGreaterThan(0);
  for (const { width, height, words } of pages) {
    const out = words.filter(
      ({ left, top, right, bottom }) =>
        left < sideMargin - hair ||
        top < endMargins[paper] - 4 ||
        right > width - sideMargin + hair ||
        bottom > height - endMargins[paper] + 4,
    );
    expect(out).toEqual([]);
    expect(overlaps(words)).toEqual([]);
  }
  return pages.length;
}

test('overlapping words are detected', () => {
  const word = { text: 'a', left: 0, top: 0, right: 10, bottom: 10 };
  expect(overlaps([word, { ...word, left: 8, right: 20 }])).toHaveLength(1);
  expect(overlaps([word, { ...word, left: 10, right: 20 }])).toEqual([]);
  expect(overlaps([word, { ...word, top: 8, bottom: 20 }])).toEqual([]);
});

describe.each(languages.all)('in $name', (texts) => {
  describe.each(['a4', 'letter'] as const)('on %s', (paper) => {
    test.each(Object.entries(mailboxes))(
      'mailbox %s: nothing overflows the paper or overlaps',
      async (_what, mailbox) => {
        for (const used of [
          policy,
          { ...defaultPolicy, branding: { ...noBranding, clients: clientIds } },
        ]) {
          const observations = observationsOf(used);
          const settings = decideClientSettings(mailbox, exampleCom, used, observations);
          await expectToFit(sheetOf(settings, used.branding, texts, 0), texts, paper);
        }
      },
    );

    test('a usual mailbox has one page', async () => {
      const webmailUrl = 'https://webmail.{domain}/';
      const used = { ...defaultPolicy, branding: { ...noBranding, webmailUrl } };
      const settings = decideClientSettings(bob, exampleCom, used, observationsOf(used));
      expect(await expectToFit(sheetOf(settings, used.branding, texts, 0), texts, paper)).toBe(1);
    });
  });
});

test.each([1, 10, 20, 40])(
  'steps of %s sentences that do not fit below the help begin on the next page',
  async (sentences) => {
    const settings = decideClientSettings(bob, exampleCom, policy, observationsOf(policy));
    const sheet = sheetOf(settings, branding, languages.english, 0);
    const step = [plain('Steps that need several lines. '.repeat(sentences))];
    const guide = { title: 'A client', warnings: [], steps: [step, step] };
    const all = [guide, guide, guide];
    await expectToFit({ ...sheet, guides: { ...sheet.guides, all } }, languages.english, 'a4');
  },
);
