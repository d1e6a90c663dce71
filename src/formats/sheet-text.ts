import type { Texts } from '../texts/languages';
import { plainText, richText, type RichText } from '../texts/rich-text';
import type { Sheet } from './sheet';

/** What a sheet says, in its language, as plain text for a mail: lines of any length, ended by a line feed. */
export function sheetText(sheet: Sheet, { text }: Texts): string {
  const { login, password, boxes, remarks, help, foot } = sheet;
  const numbered = (steps: readonly RichText[]) =>
    steps.map((step, index) => `${index + 1}. ${plainText(step)}`);
  const named = (label: string, value: string) =>
    plainText(richText(text('mail_line'), { label, value }));
  const parts = [
    [sheet.emailAddress, ...sheet.notices],
    [named(login.label, login.value), login.note, ...(login.spoken === null ? [] : [login.spoken])],
    [named(password.label, password.note)],
    ...boxes.map(({ heading, rows, fallback }) => [
      heading,
      ...rows.map(({ label, content }) => `  ${named(label, plainText(content))}`),
      ...(fallback === null ? [] : [`  ${plainText(fallback)}`]),
    ]),
    remarks.map(plainText),
    [help.heading, ...numbered(help.steps)],
    [foot],
  ];
  return parts.map((lines) => lines.map((line) => `${line}\n`).join('')).join('\n');
}
