import type { Router, Request } from 'express';
import type { Dependencies } from '../../dependencies';
import type { ClientSettings } from '../../domain/client-settings';
import { settingsJson } from '../../formats/json';
import { settingsText } from '../../formats/settings-text';
import { notFound } from '../http-error';
import { recordAction } from '../middleware/panel';
import { fileName } from '../../formats/file-name';
import type { PageTexts } from '../../texts/page-texts';
import { freshSettings } from '../mailbox-settings';
import { choiceOf } from '../query';
import { textsOf } from '../locals';
import { needs, newRouter } from '../access';

interface MailboxFile {
  /** The last part of its path. */
  readonly name: string;
  readonly type: string;
  /** The end of the name under which a browser saves the file; null where it shows the file. */
  readonly savedAs: string | null;
  readonly render: (
    settings: ClientSettings,
    context: {
      readonly request: Request;
      readonly dependencies: Dependencies;
      readonly t: PageTexts;
    },
  ) => string | Buffer | Promise<string | Buffer>;
}

/** Formats that are rarely requested are imported, with their library, at the first request. */
const files: readonly MailboxFile[] = [
  {
    name: 'settings.txt',
    type: 'text/plain',
    savedAs: null,
    render: (settings, { t }) => settingsText(settings, t),
  },
  {
    name: 'settings.json',
    type: 'application/json',
    savedAs: null,
    render: (settings) => JSON.stringify(settingsJson(settings)),
  },
  {
    name: 'autoconfig.xml',
    type: 'text/xml',
    savedAs: '.autoconfig.xml',
    render: async (settings) => (await import('../../formats/autoconfig')).autoconfig(settings),
  },
  {
    name: 'autodiscover.xml',
    type: 'text/xml',
    savedAs: '.autodiscover.xml',
    render: async (settings) => (await import('../../formats/autodiscover')).autodiscover(settings),
  },
  {
    name: 'profile.mobileconfig',
    type: 'application/x-apple-aspen-config',
    savedAs: '.mobileconfig',
    render: async (settings, { request, dependencies }) => {
      const protocol = choiceOf(request, 'protocol', ['imap', 'pop3']);
      const profile = (await import('../../formats/apple-profile')).appleProfile(
        settings,
        protocol,
      );
      if (profile !== null) return signed(Buffer.from(profile), dependencies);
      const name = protocol === 'imap' ? 'IMAP' : 'POP3';
      throw notFound('error_no_profile', { protocol: name });
    },
  },
  {
    name: 'qr.svg',
    type: 'image/svg+xml',
    savedAs: null,
    render: async (settings) =>
      (await import('../../formats/thunderbird-qr')).thunderbirdQrSvg(settings),
  },
  {
    name: 'qr.png',
    type: 'image/png',
    savedAs: null,
    render: async (settings) =>
      (await import('../../formats/thunderbird-qr')).thunderbirdQrPng(settings),
  },
];

/** `/domains/{domain}/mailboxes/{login}/…`: the settings of one mailbox as files. */
export function mailboxFilesRoutes(dependencies: Dependencies): Router {
  const router = newRouter();
  for (const { name, type, savedAs, render } of files) {
    router.get(
      `/domains/:domain/mailboxes/:login/${name}`,
      needs('see'),
      async (request, response) => {
        const settings = await freshSettings(request, response, dependencies);
        const body = await render(settings, {
          request,
          dependencies,
          t: textsOf(response),
        });
        if (savedAs !== null) response.attachment(fileName(settings.emailAddress) + savedAs);
        const { domain, login } = settings;
        recordAction(response, 'file', { domain, login, file: name });
        // A buffer: for a string Express would add a charset to types that have none.
        response.type(type).send(Buffer.from(body));
      },
    );
  }
  return router;
}

/**
 * The signed profile, or the unsigned one where no signer is configured or signing fails. A failure (such
 * as an expired certificate) is logged: the mailbox can still be set up.
 */
async function signed(profile: Buffer, { profileSigner, log, now }: Dependencies): Promise<Buffer> {
  if (profileSigner === null) return profile;
  const { readSigner, SignerError } = await import('../../signing/profile-signer');
  try {
    const { signedData } = await import('../../signing/signed-data');
    return signedData(profile, readSigner(profileSigner, now()));
  } catch (error) {
    if (!(error instanceof SignerError)) throw error;
    log.warn({ reason: error.message }, 'profile not signed');
    return profile;
  }
}
