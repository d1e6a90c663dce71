import { plainText, type RichText } from './rich-text';
import type { Sheet } from './sheet';

/** What a sheet says, as plain text for a mail: lines of any length, ended by a line feed. */
export function sheetText(sheet: Sheet): string {
  const { login, password, boxes, remarks, help, foot } = sheet;
  const numbered = (steps: readonly RichText[]) =>
    steps.map((step, index) => `${index + 1}. ${plainText(step)}`);
  const parts = [
    [sheet.emailAddress, ...sheet.notices],
    [
      `${login.label}: ${login.value}`,
      login.note,
      ...(login.spoken === null ? [] : [login.spoken]),
    ],
    [`${password.label}: ${password.note}`],
    ...boxes.map(({ heading, rows, fallback }) => [
      heading,
      ...rows.map(({ label, content }) => `  ${label}: ${plainText(content)}`),
      ...(fallback === null ? [] : [`  ${plainText(fallback)}`]),
    ]),
    remarks.map(plainText),
    [help.heading, ...numbered(help.steps)],
    [foot],
  ];
  return parts.map((lines) => lines.map((line) => `${line}\n`).join('')).join('\n');
}
