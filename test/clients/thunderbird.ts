import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { readLanguages } from '../../src/texts/languages';
import type { Attempt, Client, Outcome, Service, Settings } from './client';
import { Marionette } from './marionette';

/** Keeps the program from asking, updating, reporting, and looking anything up elsewhere. */
const preferences = {
  'app.update.enabled': false,
  'app.donation.eoy.version.viewed': 999,
  'datareporting.healthreport.uploadEnabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'extensions.autoDisableScopes': 0,
  'extensions.update.enabled': false,
  'mail.shell.checkDefaultClient': false,
  'mail.spotlight.firstRunDone': true,
  'mailnews.auto_config_url': '',
  'mailnews.start_page.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'toolkit.telemetry.enabled': false,
};

/** What the scripts share that run in the program's main window. */
const inWindow = `
  const args = [...arguments];
  const { MailServices } = ChromeUtils.importESModule('resource:///modules/MailServices.sys.mjs');
  const window = Services.wm.getMostRecentWindow('mail:3pane');
  const { document } = window;
  const modal = () => document.querySelector('account-hub-container')?.modal ?? null;
  const step = () =>
    [...(modal()?.querySelectorAll('account-hub-email .account-hub-step') ?? [])].find((one) => !one.hidden) ?? null;
  const inside = (one) => (one.openOrClosedShadowRoot ? deep(one.openOrClosedShadowRoot) : []);
  const deep = (root) =>
    [...inside(root), ...[...root.querySelectorAll('*')].flatMap((one) => [one, ...inside(one)])];
  const visible = (one) => one.getClientRects().length > 0 && one.checkVisibility({ visibilityProperty: true });
  const button = (id) => deep(modal()).find((one) => one.id === id && visible(one)) ?? null;
`;

/** Debian's Thunderbird without a screen, with a profile of its own, and its window for adding an account. */
class Thunderbird {
  private pictures = 0;
  private login = '';

  private constructor(
    private readonly child: ChildProcess,
    private readonly marionette: Marionette,
  ) {}

  /** Starts it in a home. `language` is one of which the language pack is installed. */
  static async start(
    home: string,
    language: string,
    more: Readonly<Record<string, boolean>> = {},
  ): Promise<Thunderbird> {
    const profile = join(home, 'profile');
    mkdirSync(profile);
    const port = await freePort();
    const requested = language === 'en' ? 'en-US' : language;
    const all = {
      ...preferences,
      ...more,
      'marionette.port': port,
      'intl.locale.requested': requested,
    };
    writeFileSync(
      join(profile, 'user.js'),
      Object.entries(all)
        .map((one) => `user_pref(${one.map((part) => JSON.stringify(part)).join(', ')});\n`)
        .join(''),
    );
    const child = spawn(
      'thunderbird',
      ['--no-remote', '--profile', profile, '-marionette', '-remote-allow-system-access'],
      { stdio: 'ignore', detached: true, env: { ...process.env, HOME: home, MOZ_HEADLESS: '1' } },
    );
    const thunderbird = new Thunderbird(child, await Marionette.connect(port));
    await thunderbird.until(() => thunderbird.run(`return window?.openAccountHub !== undefined;`));
    // Mozilla's programs have authorities of their own in place of the system's.
    const authority = readFileSync('/etc/ssl/certs/ca-certificates.crt', 'utf8');
    await thunderbird.run(
      `Cc['@mozilla.org/security/x509certdb;1'].getService(Ci.nsIX509CertDB).addCertFromBase64(args[0], 'CT,,');`,
      authority.replace(/-----[^-]+-----|\s/g, ''),
    );
    await thunderbird.run(`await window.openAccountHub('MAIL');`);
    await thunderbird.until(() => thunderbird.at('emailAutoConfigSubview'));
    return thunderbird;
  }

  /** Runs the body of an async function after `inWindow`. Its arguments are `args`. */
  private run<Result>(body: string, ...args: readonly unknown[]): Promise<Result> {
    return this.marionette.run(`${inWindow} ${body}`, ...args);
  }

  private async at(step: string): Promise<boolean> {
    return (await this.run(`return step()?.id ?? null;`)) === step;
  }

  /** Waits for a step. Throws what the program objects to, if that comes first. */
  private async reach(wanted: string): Promise<void> {
    await this.until(async () => {
      if (await this.at(wanted)) return true;
      const refusal = await this.refusal();
      if (refusal !== '') throw new Error(refusal);
      return false;
    });
  }

  /** What the program objects to: an error in the hub, or a window about a certificate, which is closed. */
  private refusal(): Promise<string> {
    return this.run(`
      const dialog = [...Services.wm.getEnumerator(null)].find((one) => one.location.href.includes('exceptionDialog'));
      const words = dialog?.document.documentElement.textContent.replace(/\\s+/g, ' ').trim() ?? '';
      // Its words come after it has opened.
      if (dialog && (words === '' || dialog.document.hasPendingL10nMutations)) return '';
      if (dialog) {
        dialog.close();
        return words;
      }
      const note = step() && deep(step()).find((one) => one.id === 'emailFormNotification');
      if (!note?.matches('.error, .warning')) return '';
      note.open = true;
      const text = (id) => note.querySelector(id).textContent.replace(/\\s+/g, ' ').trim();
      return text('#emailFormNotificationTitle') + ' ' + text('#emailFormNotificationText');`);
  }

  /** Types into a field of the step, or chooses in it. */
  private fill(id: string, value: string): Promise<void> {
    return this.run(
      `const found = deep(step()).find((one) => one.id === args[0]);
       const field = found.localName === 'account-hub-select' ? deep(found).find((one) => one.localName === 'select') : found;
       field.value = args[1];
       for (const type of ['input', 'change']) field.dispatchEvent(new window.Event(type, { bubbles: true, composed: true }));`,
      id,
      value,
    );
  }

  /** Presses a button as soon as it is not grey. */
  private async press(id: string): Promise<void> {
    await this.until(() => this.run(`return button(args[0])?.disabled === false;`, id));
    await this.run(`button(args[0]).click();`, id);
  }

  /** All words that can be read in the hub. */
  private words(): Promise<readonly string[]> {
    return this.run(`
      // Translations come after a page has opened.
      while (document.hasPendingL10nMutations) await new Promise((resolve) => window.setTimeout(resolve, 50));
      return deep(modal()).filter(visible).flatMap((one) =>
        one.localName === 'select' ? [...one.options].map(({ label }) => label)
          : [...one.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()));`);
  }

  /** Saves a picture of the window in $CLIENTS_PICTURES, with the user name in the name of its file. */
  private async picture(name: string): Promise<void> {
    const folder = process.env.CLIENTS_PICTURES;
    if (folder === undefined) return;
    await setTimeout(500);
    mkdirSync(folder, { recursive: true });
    const file = join(folder, `thunderbird-${this.login}-${++this.pictures}-${name}.png`);
    writeFileSync(file, Buffer.from(await this.marionette.screenshot(), 'base64'));
  }

  private async until(condition: () => Promise<boolean>, seconds = 60): Promise<void> {
    for (const end = Date.now() + seconds * 1000; Date.now() < end;) {
      if (await condition()) return;
      await setTimeout(100);
    }
    throw new Error(`Thunderbird does not get on: ${(await this.words()).join(' ')}`);
  }

  /** Types the name and the address into the first page. */
  async introduce({ realName, emailAddress, login }: Settings): Promise<void> {
    this.login = login;
    await this.fill('realName', realName);
    await this.fill('email', emailAddress);
    await this.picture('address');
  }

  /** Lets it find the settings, and chooses the protocol among what it has found. */
  async find(protocol: 'imap' | 'pop3', picture: 'found' | 'guessed' = 'found'): Promise<void> {
    await this.press('forward');
    await this.reach('emailConfigFoundSubview');
    await this.run(
      `[...step().querySelectorAll('input[type=radio]')].find(({ value }) => value === args[0]).click();`,
      protocol,
    );
    await this.picture(`${picture}-${protocol}`);
    await this.press('forward');
  }

  /**
   * Follows the guide: types the settings into both pages, and presses Test, before which Continue is grey. Throws if the
   * guide names something that no page shows.
   */
  async byHand(incoming: Service, outgoing: Service, login: string, labels: readonly string[]) {
    const seen = new Set<string>(await this.menu());
    const look = async () => {
      for (const word of await this.words()) seen.add(word);
    };
    const type = async (direction: string, { host, port, security }: Service) => {
      await this.fill(`${direction}Hostname`, host);
      await this.fill(`${direction}ConnectionSecurity`, security === 'starttls' ? '2' : '3');
      await this.fill(`${direction}Port`, String(port));
      await this.fill(`${direction}AuthMethod`, '3');
      await this.fill(`${direction}Username`, login);
      await look();
      await this.picture(direction);
    };
    await look();
    await this.press('manualConfiguration');
    await this.reach('emailIncomingConfigSubview');
    await type('incoming', incoming);
    await this.press('forward');
    await this.reach('emailOutgoingConfigSubview');
    await type('outgoing', outgoing);
    if (!(await this.run(`return button('forward').disabled;`)))
      throw new Error('Continue is not grey before the test, as the guide says');
    await this.press('custom');
    await this.until(async () => {
      // After a test that fails it goes back to the first page and objects.
      const refusal = await this.refusal();
      if (refusal !== '') throw new Error(refusal);
      return this.run(
        `return button('forward')?.disabled === false && step()?.id === 'emailOutgoingConfigSubview';`,
      );
    });
    await this.picture('tested');
    await this.press('forward');
    const missing = labels.filter((label) => !seen.has(label));
    if (missing.length > 0)
      throw new Error(`the guide names ${missing.join(', ')}, which is not there`);
  }

  /** Types the password and waits until the account is there. */
  async password(password: string): Promise<void> {
    await this.reach('emailPasswordSubview');
    await this.fill('password', password);
    await this.press('forward');
    await this.reach('emailAddedSuccessSubview').finally(() => this.picture('end'));
    await this.press('forward');
  }

  /** The labels of the menu in which the hub is opened. */
  private menu(): Promise<string[]> {
    return this.run(`
      document.getElementById('button-appmenu').click();
      await new Promise((resolve) => window.setTimeout(resolve, 1000));
      const labels = ['appmenu_new', 'appmenu_newMailAccountMenuItem'].map((id) => document.getElementById(id).label);
      document.getElementById('appMenu-popup').hidePopup();
      return labels;`);
  }

  /** Gets the messages of the account and returns their subjects as soon as there are any. */
  async receive(): Promise<string> {
    let subjects: readonly string[] = [];
    await this.until(async () => {
      subjects = await this.run(`
        const server = MailServices.accounts.accounts.map((one) => one.incomingServer).find(({ type }) => type !== 'none');
        const inbox = server.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
        if (!server.serverBusy) server.getNewMessages(inbox ?? server.rootFolder, window.msgWindow, null);
        return inbox ? [...inbox.messages].map((one) => one.mime2DecodedSubject) : [];`);
      await setTimeout(500);
      return subjects.length > 0;
    });
    return subjects.join('\n');
  }

  /** Writes a message in its own window and sends it. */
  async send(to: string, word: string): Promise<void> {
    await this.run(
      `const make = (id, type) => Cc['@mozilla.org/messengercompose/' + id + ';1'].createInstance(type);
       const params = make('composeparams', Ci.nsIMsgComposeParams);
       params.composeFields = make('composefields', Ci.nsIMsgCompFields);
       Object.assign(params.composeFields, { to: args[0], subject: args[1], body: 'Hello ' + args[1] + '.\\n' });
       params.format = Ci.nsIMsgCompFormat.PlainText;
       params.identity = MailServices.accounts.accounts.find((one) => one.defaultIdentity).defaultIdentity;
       MailServices.compose.OpenComposeWindowWithParams(null, params);`,
      to,
      word,
    );
    const composer = `const composer = Services.wm.getMostRecentWindow('msgcompose');`;
    await this.until(() =>
      this.run(
        `${composer} return composer?.gMsgCompose?.editor != null && composer.gLoadingComplete !== false;`,
      ),
    );
    await setTimeout(1000);
    await this.run(`${composer} composer.goDoCommand('cmd_sendNow');`);
    await this.until(() => this.run(`${composer} return composer === null;`));
  }

  /** What it has made of the settings. */
  account(): Promise<unknown> {
    return this.run(`
      const account = MailServices.accounts.accounts.find((one) => one.defaultIdentity);
      const { type, hostname, port, socketType, authMethod, username } = account.incomingServer;
      const out = MailServices.outgoingServer.getServerByKey(account.defaultIdentity.smtpServerKey).QueryInterface(Ci.nsISmtpServer);
      return { in: [type, hostname, port, socketType, authMethod, username], out: [out.hostname, out.port, out.socketType, out.authMethod, out.username] };`);
  }

  async stop(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.marionette.close();
    process.kill(-(this.child.pid ?? 0), 'SIGKILL');
    await ended;
  }
}

/** A port on loopback that is free now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Sets up an account, then reads and sends. What it objects to is what it says. */
async function use(
  attempt: Attempt,
  thunderbird: Thunderbird,
  setUp: () => Promise<void>,
): Promise<Outcome> {
  try {
    await thunderbird.introduce(attempt.settings);
    await setUp();
    await thunderbird.password(attempt.password);
    const received = await thunderbird.receive();
    await thunderbird.send(attempt.recipient, attempt.sending);
    return { received, said: JSON.stringify(await thunderbird.account()) };
  } finally {
    await thunderbird.stop();
  }
}

const recommended = (services: readonly Service[]): Service => {
  const found = services.find(({ role }) => role === 'recommended');
  if (found === undefined) throw new Error('no service is recommended');
  return found;
};

let walks = 0;

/** Thunderbird is driven through Marionette, its own automation, in its account hub. */
export const thunderbird: Client = {
  name: 'thunderbird',
  packages: {
    thunderbird: 'thunderbird',
    ...Object.fromEntries(
      ['de', 'fr', 'nl'].map((code) => [
        `thunderbird-l10n-${code}`,
        `/usr/lib/thunderbird/extensions/langpack-${code}@thunderbird.mozilla.org.xpi`,
      ]),
    ),
  },
  oneAtATime: true,
  ways: [
    ...(['imap', 'pop3'] as const).map((protocol) => ({
      name: `autoconfig, ${protocol.toUpperCase()}`,
      reads: true,
      sends: true,
      run: async (attempt: Attempt) => {
        const thunderbird = await Thunderbird.start(attempt.home, 'en');
        return use(attempt, thunderbird, () => thunderbird.find(protocol));
      },
    })),
    {
      name: 'answer service',
      reads: true,
      sends: true,
      answered: true,
      run: async (attempt) => {
        const thunderbird = await Thunderbird.start(attempt.home, 'en');
        return use(attempt, thunderbird, () => thunderbird.find('imap'));
      },
    },
    {
      name: 'nothing served',
      reads: true,
      sends: true,
      guesses: true,
      run: async (attempt) => {
        const thunderbird = await Thunderbird.start(attempt.home, 'en');
        return use(attempt, thunderbird, () => thunderbird.find('imap', 'guessed'));
      },
    },
    {
      name: 'by hand',
      reads: true,
      sends: true,
      run: async (attempt) => {
        const languages = readLanguages(join('src', 'webmin', 'lang'));
        const texts = languages.all[walks++ % languages.all.length] ?? languages.english;
        const labels = [1, 2, 3, 4].flatMap((step) =>
          [...texts.text(`guide_thunderbird_${step}`).matchAll(/<b>(.*?)<\/b>/g)].map(
            ([, label = '']) => label,
          ),
        );
        const { incoming, outgoing, login } = attempt.settings;
        const thunderbird = await Thunderbird.start(attempt.home, texts.code);
        return use(attempt, thunderbird, () =>
          thunderbird.byHand(recommended(incoming), recommended(outgoing), login, labels),
        );
      },
    },
  ],
};
