import { buffer } from 'node:stream/consumers';
import { expect, test } from '@jest/globals';
import { decideClientSettings } from '../../../src/domain/client-settings';
import { Fonts } from '../../../src/formats/pdf/fonts';
import { sheetsPdf } from '../../../src/formats/pdf/sheets-pdf';
import { sheetOf } from '../../../src/formats/sheet';
import { thunderbirdAccount } from '../../../src/formats/thunderbird-qr';
import { defaultPolicy } from '../../../src/settings/settings';
import { fonts } from '../../helpers/app';
import { bob, exampleCom } from '../../helpers/domain';
import { languages } from '../../helpers/languages';
import { pictureOfPdf } from '../../helpers/pdf';
import { qrCodeIn } from '../../helpers/qr';

const opened = new Fonts(fonts);

test.each([
  ['usual', {}],
  ['many scripts', { realName: 'שלום Zoë 👩‍👩‍👧 李小龍' }],
  [
    'as long as they get',
    { login: `${'x'.repeat(64)}.${'y'.repeat(60)}`, realName: 'W'.repeat(120) },
  ],
])('mailbox %s: the code on the sheet can be scanned from paper', async (_what, mailbox) => {
  const settings = decideClientSettings({ ...bob, ...mailbox }, exampleCom, defaultPolicy);
  const sheet = sheetOf(settings, defaultPolicy.branding, languages.english, 0);
  for (const paper of ['a4', 'letter'] as const) {
    const pdf = await buffer(
      sheetsPdf({
        title: '',
        sheets: [() => sheet],
        without: [],
        texts: languages.english,
        paper,
        asOf: 0,
        fonts: opened,
        signal: new AbortController().signal,
        progress: () => undefined,
      }),
    );
    for (const dotsPerInch of [150, 300]) {
      expect(qrCodeIn(pictureOfPdf(pdf, 1, dotsPerInch))).toBe(thunderbirdAccount(settings));
    }
  }
});
