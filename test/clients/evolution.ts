import { join } from 'node:path';
import { textBelow } from './cli';
import type { Attempt, Client, Outcome } from './client';
import { Desktop, desktopPackages } from './desktop';

/** Types the name and the address into its assistant, which looks the rest up, then reads and sends. */
async function use(attempt: Attempt): Promise<Outcome> {
  const { settings, password, home, sending } = attempt;
  const desktop = await Desktop.start(home, 'en', {
    // There is no NetworkManager here, and root cannot have WebKit's sandbox.
    GIO_USE_NETWORK_MONITOR: 'base',
    WEBKIT_FORCE_SANDBOX: '0',
    WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1',
  });
  const titles = async () => (await desktop.windows()).map(({ title }) => title);
  /** Waits for a page of the assistant, and goes on from it. */
  const leave = async (page: string, button = 'Next') => {
    await desktop.until(async () => (await titles()).includes(page), page);
    await desktop.picture(`evolution-${settings.login}`);
    await desktop.press(button);
  };
  const asks = 'Mail authentication request';
  const answered = new Set<string>();
  /** Types the password where it is asked for. Throws what it says when it asks again, or objects to a certificate. */
  const attend = async () => {
    for (const { role, title, words } of await desktop.windows()) {
      if (role !== 'dialog') continue;
      if (title !== asks || answered.has(words)) throw new Error(words);
      answered.add(words);
      await desktop.turn('Add this password to your keyring', false);
      await desktop.fillPassword(password);
      await desktop.press('OK');
      await desktop.until(async () => !(await titles()).includes(asks), 'the end of the question');
    }
  };
  try {
    await desktop.run('evolution');
    await leave('Welcome');
    await leave('Restore from Backup');
    await desktop.fill('Full Name:', settings.realName);
    await desktop.fill('Email Address:', settings.emailAddress);
    // The page with the servers is left out where the look-up has found them.
    await leave('Identity');
    await leave('Account Summary');
    await leave('Done', 'Apply');
    // It logs in by itself, and then waits to be asked.
    await desktop.until(async () => {
      await attend();
      return answered.size > 0 && !(await titles()).includes(asks);
    }, 'the question for the password');
    for (const item of ['File', 'Send / Receive', 'Receive All']) await desktop.press(item);
    let received = '';
    await desktop.until(async () => {
      await attend();
      received = textBelow(join(home, '.cache', 'evolution', 'mail'));
      return received.includes(attempt.waiting);
    }, 'the message');
    await desktop.run(
      'evolution',
      `mailto:${attempt.recipient}?subject=${sending}&body=Hello%20${sending}`,
    );
    await desktop.until(async () => (await titles()).includes(sending), 'the message to send');
    await desktop.click('Send');
    await desktop.until(async () => {
      await attend();
      return !(await titles()).includes(sending);
    }, 'the end of sending');
    return { received, said: '' };
  } finally {
    await desktop.picture(`evolution-${settings.login}`);
    await desktop.stop();
  }
}

/** Evolution looks its settings up in its assistant, which is operated through AT-SPI. */
export const evolution: Client = {
  name: 'evolution',
  packages: { evolution: 'evolution', ...desktopPackages },
  oneAtATime: true,
  // Of what autoconfig offers it takes IMAP with TLS, and never POP3.
  ways: [
    { name: 'autoconfig, IMAP 993, SMTP 465', reads: true, sends: true, run: use },
    {
      ...{ name: 'answer service, IMAP 143, SMTP 587', reads: true, sends: true },
      ...{ answered: true, run: use },
    },
  ],
};
