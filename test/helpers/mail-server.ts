import type { AddressInfo } from 'node:net';
import { simpleParser, type ParsedMail } from 'mailparser';
import { SMTPServer } from 'smtp-server';
import type { MailConfig } from './app';

/** A mail server on a loopback port that keeps its messages. */
export interface TestMailServer {
  readonly config: MailConfig;
  readonly mails: {
    readonly from: string;
    readonly to: readonly string[];
    readonly mail: ParsedMail;
  }[];
  /** Unless it is null, every recipient is refused with this message. */
  refusal: string | null;
  readonly close: () => Promise<void>;
}

export async function startMailServer(): Promise<TestMailServer> {
  const mails: TestMailServer['mails'] = [];
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    onRcptTo(_address, _session, done) {
      done(
        mailServer.refusal === null
          ? null
          : Object.assign(new Error(mailServer.refusal), { responseCode: 550 }),
      );
    },
    onData(stream, { envelope }, done) {
      simpleParser(stream).then((mail) => {
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
        mails.push({ from, to: envelope.rcptTo.map(({ address }) => address), mail });
        done();
      }, done);
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as AddressInfo;
  const mailServer: TestMailServer = {
    config: {
      from: { name: 'Example Hosting', address: 'support@host.example' },
      transport: { kind: 'smtp', host: '127.0.0.1', port },
    },
    mails,
    refusal: null,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
      }),
  };
  return mailServer;
}
