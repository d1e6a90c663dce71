import type { Readable } from 'node:stream';
import type { MailSender } from '../domain/policy';

/** A plain-text mail with one attachment. */
export interface Mail {
  readonly from: MailSender;
  /** One address. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly file: { readonly name: string; readonly type: string; readonly content: Readable };
}

/** How mail is submitted: to the server's own mail system. */
export type MailTransport =
  | { readonly kind: 'sendmail'; readonly path: string }
  | { readonly kind: 'smtp'; readonly host: string; readonly port: number };

/** The mail server rejected a mail. The message is the server's, in one line. */
export class MailError extends Error {
  override readonly name = 'MailError';
}

/** Timeout in milliseconds for each step of the SMTP connection. */
const timeout = 20_000;

/** Sends one mail, with its sender as the return path for bounces. Throws MailError. */
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
          // The server is on this machine: nothing crosses a network, and its certificate has another name.
          ignoreTLS: true,
          connectionTimeout: timeout,
          greetingTimeout: timeout,
          socketTimeout: timeout,
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
