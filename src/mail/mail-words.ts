import type { Branding } from '../domain/branding';
import type { ClientSettings } from '../domain/client-settings';
import type { Texts } from '../texts/languages';

/** The subject of a mail, and its text before the settings. */
export interface MailText {
  readonly subject: string;
  /** Lines, separated by line feeds. */
  readonly text: string;
}

/** The default subject and text of a mail, with `{address}` as a placeholder. */
export function defaultMail({ text }: Texts): MailText {
  return {
    subject: text('mail_subject'),
    text: `${text('mail_text_1')}\n\n${text('mail_text_2')}`,
  };
}

/** The subject and text of the mail with one mailbox's sheet: the branding's, or the default. */
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
