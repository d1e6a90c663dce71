import type { ClientSettings, Warning } from './client-settings';

/** Why a mailbox gets no sheet: its user could not log in. */
export type NoSheetReason = Exclude<Warning, 'login-is-not-email-address' | 'real-name-unreadable'>;

const reasons: readonly NoSheetReason[] = [
  'domain-disabled',
  'domain-without-mail',
  'mailbox-disabled',
  'password-not-accepted',
];

/** Why a mailbox has no sheet; null where it has one. A printed sheet with useless settings cannot be recalled. */
export function whyNoSheet({ warnings }: ClientSettings): NoSheetReason | null {
  return reasons.find((reason) => warnings.includes(reason)) ?? null;
}
