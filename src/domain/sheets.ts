import type { ClientSettings, Warning } from './client-settings';

/** Why a mailbox gets no sheet: nobody could log in with it. */
export type NoSheetReason = Exclude<Warning, 'login-is-not-email-address' | 'real-name-unreadable'>;

const reasons: readonly NoSheetReason[] = [
  'domain-disabled',
  'domain-without-mail',
  'mailbox-disabled',
  'password-not-accepted',
];

/** Why a mailbox has no sheet; null where it has one. A sheet that cannot work cannot be recalled. */
export function whyNoSheet({ warnings }: ClientSettings): NoSheetReason | null {
  return reasons.find((reason) => warnings.includes(reason)) ?? null;
}
