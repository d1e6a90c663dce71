import type { ClientSettings, Warning } from './client-settings';

const reasons = [
  'domain-disabled',
  'domain-without-mail',
  'mailbox-disabled',
  'password-not-accepted',
] as const satisfies readonly Warning[];

/** Why a mailbox gets no sheet: its user could not log in. */
export type NoSheetReason = (typeof reasons)[number];

/** Why a mailbox has no sheet; null where it has one. A printed sheet with useless settings cannot be recalled. */
export function whyNoSheet({ warnings }: ClientSettings): NoSheetReason | null {
  return reasons.find((reason) => warnings.includes(reason)) ?? null;
}
