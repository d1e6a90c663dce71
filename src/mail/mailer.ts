import type { Readable } from 'node:stream';
import type { MailSender } from '../domain/policy';

/** One mail with one file. All text is plain. */
export interface Mail {
  readonly from: MailSender;
  /** One address. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly file: { readonly name: string; readonly type: string; readonly content: Readable };
}

/** Where mail is handed over: the server's own. */
export type MailTransport =
  | { readonly kind: 'sendmail'; readonly path: string }
  | { readonly kind: 'smtp'; readonly host: string; readonly port: number };

/** The mail server did not take a mail; the message has its words, in one line. */
export class MailError extends Error {
  override readonly name = 'MailError';
}

/** Milliseconds for each step with the mail server. */
const patience = 20_000;

/** Hands one mail over, with its sender as the address that failures go back to. Throws MailError. */
export async function sendMail(mail: Mail, transport: MailTransport): Promise<void> {
  const { default: nodemailer } = await import('nodemailer');
  const { createTransport } = nodemailer;
  const common = { disableFileAccess: true, disableUrlAccess: true };
  const transporter =
    transport.kind === 'sendmail'
      ? createTransport({ ...common, sendmail: true, newline: 'unix', path: transport.path })
      : createTransport({
          ...common,
          host: transport.host,
          port: transport.port,
          secure: false,
          // To this machine's own: nothing crosses a network, and its certificate has another name.
          ignoreTLS: true,
          connectionTimeout: patience,
          greetingTimeout: patience,
          socketTimeout: patience,
        });
  const { from, to, subject, text, file } = mail;
  try {
    await transporter.sendMail({
      from,
      to: { name: '', address: to },
      subject,
      text,
      attachments: [{ filename: file.name, contentType: file.type, content: file.content }],
    });
  } catch (error) {
    const { response, message } = error as { response?: string; message: string };
    throw new MailError((response ?? message).replace(/\s+/g, ' ').slice(0, 200));
  }
}
