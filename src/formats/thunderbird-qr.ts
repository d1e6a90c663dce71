import { toBuffer, toString } from 'qrcode';
import { byRole, type ClientSettings, type Service } from '../domain/client-settings';
import type { Security } from '../domain/policy';

const formatVersion = 1;
const firstAndOnlyPart = [1, 1];

const imap = 0;
const pop3 = 1;
const smtp = 0;
const securities: Readonly<Record<Security, number>> = { starttls: 2, 'implicit-tls': 3 };
const passwordCleartext = 1;

/** In characters: a longer name would make the code too fine to scan. */
const maxName = 150;

/**
 * What the QR code of Thunderbird's "Export for Mobile" says, version 1
 * (thunderbird-android, feature/migration/qrcode/qr-code-format.md). One mailbox, no password: the app
 * asks for it.
 */
export function thunderbirdAccount(settings: ClientSettings): string {
  const { emailAddress, login, realName } = settings;
  const incoming = byRole(settings.incoming).recommended;
  const outgoing = byRole(settings.outgoing).recommended;
  const server = ({ host, port, security }: Service) =>
    [host, port, securities[security], passwordCleartext, login] as const;
  const name = realName === '' || realName.length > maxName ? emailAddress : realName;
  return JSON.stringify([
    formatVersion,
    firstAndOnlyPart,
    [incoming.protocol === 'pop3' ? pop3 : imap, ...server(incoming)],
    [
      [
        [smtp, ...server(outgoing)],
        [emailAddress, name],
      ],
    ],
  ]);
}

/** Black on white in every colour scheme, with the quiet zone that ISO/IEC 18004 requires. */
const look = { errorCorrectionLevel: 'M', margin: 4 } as const;

/** The code as an SVG image. */
export function thunderbirdQrSvg(settings: ClientSettings): Promise<string> {
  return toString(thunderbirdAccount(settings), { ...look, type: 'svg' });
}

/** The code as a PNG image of 8 pixels a module. */
export function thunderbirdQrPng(settings: ClientSettings): Promise<Buffer> {
  return toBuffer(thunderbirdAccount(settings), { ...look, type: 'png', scale: 8 });
}
