import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { message, textBelow } from './cli';
import type { Attempt, Client, Outcome, Service, Way } from './client';
import { Desktop, desktopPackages, guideLabels } from './desktop';

/** Words on its screens that its guide does not name. */
const words: Readonly<
  Record<string, { name: string; address: string; send: string; log: string }>
> = {
  en: {
    name: 'Your name:',
    address: 'Your email address:',
    send: 'Send',
    log: 'View log',
  },
  de: {
    name: 'Ihr name:',
    address: 'Ihre E-Mail-Adresse:',
    send: 'Senden',
    log: 'Protokoll einsehen',
  },
  fr: {
    name: 'Votre nom :',
    address: 'Votre adresse email',
    send: 'Envoyer',
    log: 'Afficher les traces',
  },
  nl: {
    name: 'Je naam:',
    address: 'Je e-mailadres:',
    send: 'Verzenden',
    log: 'Bekijk log',
  },
};

let walks = 0;

/** Sets it up in its wizard as the guide says, in the four languages in turn, then reads and sends. */
async function use(attempt: Attempt, incoming: Service, outgoing: Service): Promise<Outcome> {
  const { texts, labels } = guideLabels('claws_mail', 3, walks++);
  const own = words[texts.code];
  if (own === undefined) throw new Error(`no words in ${texts.code}`);
  const [
    [next = ''] = [],
    [, type = '', server = '', user = '', tls = '', startTls = ''] = [],
    [
      ,
      smtpServer = '',
      authenticate = '',
      smtpUser = '',
      ,
      save = '',
      accept = '',
      unknown = '',
      correct = '',
    ] = [],
  ] = labels;
  const { settings, password, home } = attempt;
  const desktop = await Desktop.start(home, texts.code);
  const seen = new Set<string>();
  const look = async () => {
    for (const word of await desktop.words()) seen.add(word);
  };
  /** Accepts a certificate as the guide says. Throws what any other window says that it opens by itself. */
  const attend = async () => {
    for (const { role, title, words, progress } of await desktop.windows()) {
      // A window has no words while it opens.
      if (words === '' || (progress && role === 'dialog')) continue;
      if (title === unknown && words.includes(correct)) {
        await look();
        await desktop.press(accept);
      } else if (
        role === 'dialog' ||
        role === 'alert' ||
        [accept, own.log].some((word) => words.includes(word))
      ) {
        throw new Error(words);
      }
    }
  };
  try {
    // It opens a message that is selected. Without this it waits for a key.
    mkdirSync(join(home, '.claws-mail'));
    writeFileSync(
      join(home, '.claws-mail', 'clawsrc'),
      '[Common]\nalways_show_message_when_selected=1\n',
    );
    await desktop.run('claws-mail');
    await desktop.press(next);
    await desktop.fill(own.name, settings.realName);
    await desktop.fill(own.address, settings.emailAddress);
    await look();
    await desktop.picture(`claws-mail-${settings.login}`);
    await desktop.press(next);
    await desktop.choose(type, incoming.protocol.toUpperCase());
    await desktop.fill(server, `${incoming.host}:${incoming.port}`);
    await desktop.fill(user, settings.login);
    await desktop.fillPassword(password);
    await desktop.turn(tls, true);
    await desktop.turn(startTls, incoming.security === 'starttls');
    await look();
    await desktop.picture(`claws-mail-${settings.login}`);
    await desktop.press(next);
    await desktop.fill(smtpServer, `${outgoing.host}:${outgoing.port}`);
    await desktop.turn(authenticate, true);
    await desktop.fill(smtpUser, settings.login);
    await desktop.fillPassword(password);
    const boxes = await desktop.boxes();
    const box = (condition: (label: string) => boolean) => boxes.find(condition) ?? '';
    const isStartTls = (label: string) => label.includes('STARTTLS');
    await desktop.turn(
      box((label) => label.includes('TLS') && !isStartTls(label)),
      true,
    );
    await desktop.turn(box(isStartTls), outgoing.security === 'starttls');
    await look();
    await desktop.picture(`claws-mail-${settings.login}`);
    await desktop.press(next);
    // With POP3 a page asks where to save messages.
    if (incoming.protocol === 'pop3') await desktop.press(next);
    await look();
    await desktop.press(save);
    await desktop.until(async () => {
      await attend();
      return (await desktop.windows()).some(({ role }) => role === 'frame');
    }, 'the main window');
    await desktop.run('claws-mail', '--receive-all');
    if (incoming.protocol === 'imap') {
      const account = `${settings.login}@${incoming.host}:${incoming.port}`;
      await desktop.run('claws-mail', '--select', `#imap/${account}/INBOX`);
    }
    let received = '';
    await desktop.until(async () => {
      await attend();
      received =
        incoming.protocol === 'imap'
          ? (await desktop.words()).join('\n')
          : textBelow(join(home, 'Mail'));
      return received.includes(attempt.waiting);
    }, 'the message');
    const file = join(home, 'message');
    writeFileSync(file, message(attempt).replaceAll('\r', ''));
    await desktop.run('claws-mail', '--compose-from-file', file);
    await desktop.click(own.send);
    await desktop.picture(`claws-mail-${settings.login}`);
    await desktop.until(async () => {
      await attend();
      return (await desktop.windows()).length === 1;
    }, 'the end of sending');
    const missing = labels.flat().filter((label) => !seen.has(label));
    if (missing.length > 0)
      throw new Error(`the guide names ${missing.join(', ')}, which is not there`);
    return { received, said: '' };
  } finally {
    await desktop.stop();
  }
}

const way = (protocol: 'imap' | 'pop3', incomingPort: number, outgoingPort: number): Way => ({
  name: `by hand, ${protocol.toUpperCase()} ${incomingPort}, SMTP ${outgoingPort}`,
  reads: true,
  sends: true,
  run: (attempt) => {
    const service = (services: readonly Service[], wanted: number) => {
      const found = services.find(({ port }) => port === wanted);
      if (found === undefined) throw new Error(`port ${wanted} is not offered`);
      return found;
    };
    const { incoming, outgoing } = attempt.settings;
    return use(attempt, service(incoming, incomingPort), service(outgoing, outgoingPort));
  },
});

/** Claws Mail is operated in its setup wizard and its windows, through AT-SPI. */
export const clawsMail: Client = {
  name: 'claws-mail',
  packages: {
    'claws-mail': 'claws-mail',
    'claws-mail-i18n': '/usr/share/locale/de/LC_MESSAGES/claws-mail.mo',
    ...desktopPackages,
  },
  ways: [
    way('imap', 143, 587),
    way('imap', 993, 465),
    way('pop3', 110, 587),
    way('pop3', 995, 465),
  ],
};
