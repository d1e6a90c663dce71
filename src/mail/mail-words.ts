import type { Branding } from '../domain/branding';
import type { ClientSettings } from '../domain/client-settings';
import type { Texts } from '../texts/languages';

/** What stands in a mail before the settings. */
export interface MailText {
  readonly subject: string;
  /** Lines, parted by line feeds. */
  readonly text: string;
}

/** What a mail says where the host has no words of its own; with `{address}` in it. */
export function defaultMail({ text }: Texts): MailText {
  return {
    subject: text('mail_subject'),
    text: `${text('mail_text_1')}\n\n${text('mail_text_2')}`,
  };
}

/** What the mail says that one mailbox's sheet is sent with: the host's words, or else ours. */
export function mailFor(
  { emailAddress, login }: ClientSettings,
  { mail }: Branding,
  texts: Texts,
): MailText {
  const own = mail[texts.code];
  const { subject, text } = defaultMail(texts);
  const fill = (words: string) =>
    words.replace(/\{(address|login)\}/g, (_, name) => (name === 'login' ? login : emailAddress));
  return { subject: fill(own?.subject ?? subject), text: fill(own?.text ?? text) };
}
