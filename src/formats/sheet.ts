import { create } from 'qrcode';
import type { Branding, Logo } from '../domain/branding';
import {
  byRole,
  provenAsOf,
  type ClientSettings,
  type Service,
  type Warning,
} from '../domain/client-settings';
import type { Texts } from '../texts/languages';
import { pageTexts } from '../texts/page-texts';
import { settingsFingerprint } from './fingerprint';
import { guideFor, usualClients, type Guide } from './guides';
import { plain, plainText, richText, strong, value, type RichText } from '../texts/rich-text';
import { thunderbirdAccount } from './thunderbird-qr';
import { protocolNames, securityNames, warningWords } from './words';

/** One box of settings: what to type for one direction. */
export interface SheetBox {
  readonly heading: string;
  readonly rows: readonly SheetRow[];
  /** What to do if these settings do not connect. */
  readonly fallback: RichText | null;
}

export interface SheetRow {
  readonly label: string;
  readonly content: RichText;
}

/** A QR code as a path of squares one unit wide. */
export interface SheetQr {
  /** The name of the code for screen readers. */
  readonly label: string;
  /** Units on each side, without the quiet zone. */
  readonly size: number;
  /** Rows of dark squares: where each begins, and how many squares it has. */
  readonly rows: readonly (readonly [x: number, y: number, length: number])[];
  readonly caption: RichText;
}

/** A logo, and how large it is on paper. Millimetres. */
export interface SheetLogo {
  readonly logo: Logo;
  readonly width: number;
  readonly height: number;
}

/** The contents of a sheet in one language, for the printed page and for the PDF. */
export interface Sheet {
  /** BCP 47. */
  readonly language: string;
  readonly title: string;
  readonly host: string | null;
  readonly logo: SheetLogo | null;
  /** `#rrggbb`. */
  readonly colour: string;
  readonly emailAddress: string;
  /** Which other form the address has, and which to type; null where it has none. */
  readonly readableAddress: string | null;
  readonly realName: string;
  readonly notices: readonly string[];
  readonly login: {
    readonly label: string;
    readonly value: string;
    readonly differs: boolean;
    readonly note: string;
    readonly spoken: string | null;
  };
  readonly password: {
    readonly label: string;
    readonly note: string;
    /** What stands in the field that it can be typed into before printing, and what that is called. */
    readonly placeholder: string;
    readonly field: string;
  };
  readonly boxes: readonly SheetBox[];
  readonly remarks: readonly RichText[];
  readonly help: { readonly heading: string; readonly steps: readonly RichText[] };
  readonly qr: SheetQr;
  readonly guides: { readonly heading: string; readonly all: readonly Guide[] };
  readonly foot: string;
}

/** The warnings that a sheet passes on to the user of the mailbox. */
const forPaper: ReadonlySet<Warning> = new Set([
  'real-name-unreadable',
  'only-forwards',
  'receives-nothing',
  'server-broken',
  'certificate-not-accepted',
]);

/** The default colour. */
const black = '#000000';

/** Lays out what a sheet says. `asOf` is in milliseconds since 1970; the sheet has its day, in the server's time zone. */
export function sheetOf(
  settings: ClientSettings,
  branding: Branding,
  texts: Texts,
  asOf: number,
): Sheet {
  const { text } = texts;
  const { login, loginIsEmailAddress } = settings;
  const spoken = spokenLogin(login, texts);
  return {
    language: texts.code,
    title: text('sheet_title'),
    host: branding.name,
    logo: branding.logo === null ? null : fitted(branding.logo),
    colour: branding.colour ?? black,
    emailAddress: settings.emailAddress,
    readableAddress:
      settings.readableAddress === null
        ? null
        : plainText(richText(text('sheet_readable'), { readable: settings.readableAddress })),
    realName: settings.realName,
    notices: settings.warnings
      .filter((warning) => forPaper.has(warning))
      .map((warning) => pageTexts(texts).say(warningWords(warning, settings, 'notice'))),
    login: {
      label: text('sheet_login'),
      value: login,
      differs: !loginIsEmailAddress,
      note: text(loginIsEmailAddress ? 'sheet_login_same' : 'sheet_login_differs'),
      spoken: spoken === null ? null : plainText(richText(text('sheet_spoken'), { spoken })),
    },
    password: {
      label: text('sheet_password'),
      note: text('sheet_password_separate'),
      placeholder: text('sheet_type_here'),
      field: plainText(richText(text('sheet_password_field'), { address: settings.emailAddress })),
    },
    boxes: [
      boxOf('sheet_incoming', settings.incoming, settings, texts),
      boxOf('sheet_outgoing', settings.outgoing, settings, texts),
    ],
    remarks: remarksOf(settings, branding, texts),
    help: { heading: text('sheet_help'), steps: helpOf(settings, texts) },
    qr: qrOf(settings, texts),
    guides: {
      heading: text('sheet_steps'),
      all: (branding.clients ?? usualClients).flatMap((id) => guideFor(id, settings, texts) ?? []),
    },
    foot: footOf(settings, texts, asOf),
  };
}

/** The small print. It mentions the checks only if they have proven all recommended services. */
function footOf(settings: ClientSettings, { code, text }: Texts, asOf: number): string {
  const checked = provenAsOf(settings);
  const date = dayIn(code, asOf);
  const fingerprint = settingsFingerprint(settings);
  const foot = richText(text('sheet_foot'), { date, fingerprint });
  if (checked === null) return plainText(foot);
  const said = richText(text('sheet_checked'), { date: dayIn(code, checked) });
  return `${plainText(foot)} ${plainText(said)}`;
}

/** The largest size of a logo on a sheet, in millimetres. */
const logoRoom = { width: 50, height: 11 };

function fitted(logo: Logo): SheetLogo {
  const scale = Math.min(logoRoom.width / logo.width, logoRoom.height / logo.height);
  return { logo, width: logo.width * scale, height: logo.height * scale };
}

/** Formats by language: creating one takes longer than the rest of a sheet. */
const dayFormats = new Map<string, Intl.DateTimeFormat>();

/** A day as it is written in a language: "24 November 2026". */
function dayIn(language: string, milliseconds: number): string {
  const known = dayFormats.get(language);
  const format = known ?? new Intl.DateTimeFormat(language, { dateStyle: 'long' });
  if (known === undefined) dayFormats.set(language, format);
  return format.format(milliseconds);
}

function boxOf(
  heading: string,
  services: readonly Service[],
  { login }: ClientSettings,
  { text }: Texts,
): SheetBox {
  const { recommended, fallback } = byRole(services);
  const row = (label: string, content: RichText): SheetRow => ({ label: text(label), content });
  const outgoing = recommended.protocol === 'submission';
  return {
    heading: plainText(richText(text(heading), { protocol: protocolNames[recommended.protocol] })),
    rows: [
      row('sheet_server', [value(recommended.host)]),
      row('sheet_port', [value(recommended.port)]),
      row('sheet_security', [plain(securityNames[recommended.security])]),
      row('sheet_login', [value(login)]),
      row(
        'sheet_password',
        richText(text(outgoing ? 'sheet_the_same_password' : 'sheet_the_mailbox_password')),
      ),
      row(
        'sheet_authentication',
        richText(text(outgoing ? 'sheet_normal_password_required' : 'sheet_normal_password')),
      ),
    ],
    fallback:
      fallback === null
        ? null
        : richText(text('sheet_fallback'), {
            port_and_security: capitalised(portAndSecurity(fallback, text)),
          }),
  };
}

function portAndSecurity({ port, security }: Service, text: Texts['text']): RichText {
  return richText(text('sheet_port_and_security'), {
    port: value(port),
    security: securityNames[security],
  });
}

function capitalised([first, ...rest]: RichText): RichText {
  if (first === undefined) return [];
  return [{ ...first, text: first.text.charAt(0).toUpperCase() + first.text.slice(1) }, ...rest];
}

function remarksOf(
  settings: ClientSettings,
  branding: Branding,
  { text }: Texts,
): readonly RichText[] {
  const { alternatives } = byRole(settings.incoming);
  const ports = alternatives.flatMap((service, index) => [
    ...(index === 0 ? [] : [plain(` ${text('or')} `)]),
    ...portAndSecurity(service, text),
  ]);
  const { webmailUrl } = settings;
  const addresses = settings.extraAddresses.flatMap((address, index) => [
    ...(index === 0 ? [] : [plain(', ')]),
    value(address),
  ]);
  return [
    richText(text('sheet_never')),
    ...(alternatives.length > 0 ? [richText(text('sheet_imap_only'), { ports })] : []),
    ...(addresses.length > 0 ? [richText(text('sheet_extra'), { addresses })] : []),
    ...(webmailUrl === null ? [] : [richText(text('sheet_webmail'), { url: value(webmailUrl) })]),
    ...(branding.note === null ? [] : [[plain(branding.note)]]),
  ];
}

/**
 * What to do if it does not work. The words that a mail app shows for a wrong user name are Thunderbird's, read off its
 * screens in each language (`account-hub-account-authentication-error` in its accountHub.ftl).
 */
function helpOf(settings: ClientSettings, { text }: Texts): RichText[] {
  const login = value(settings.login);
  const { webmailUrl, supportContact: contact } = settings;
  const hasFallback = [settings.incoming, settings.outgoing].some(
    (services) => byRole(services).fallback !== null,
  );
  return [
    richText(text(settings.loginIsEmailAddress ? 'sheet_help_login' : 'sheet_help_login_differs'), {
      login,
    }),
    webmailUrl === null
      ? richText(text('sheet_help_password'))
      : richText(text('sheet_help_webmail'), { url: value(webmailUrl) }),
    ...(hasFallback ? [richText(text('sheet_help_port'))] : []),
    ...(contact === null ? [] : [richText(text('sheet_help_ask'), { contact })]),
  ];
}

/** Thunderbird's own code, dark squares only; a row of dark squares is one rectangle. */
function qrOf(settings: ClientSettings, { text }: Texts): SheetQr {
  const { modules } = create(thunderbirdAccount(settings), { errorCorrectionLevel: 'M' });
  const { size } = modules;
  const rows: [number, number, number][] = [];
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const from = x;
      while (x < size && modules.get(y, x)) x++;
      if (x > from) rows.push([from, y, x - from]);
    }
  }
  const caption = richText(text('sheet_qr'), {
    path: strong(text('guide_thunderbird_android_path')),
  });
  return { size, rows, label: text('page_qr'), caption };
}

/** The dark squares of a code as SVG path data. */
export function qrPath({ rows }: SheetQr): string {
  return rows.map(([x, y, length]) => `M${x} ${y}h${length}v1h-${length}z`).join('');
}

const signs: Readonly<Record<string, string>> = {
  '.': 'sign_dot',
  '-': 'sign_hyphen',
  _: 'sign_underscore',
  '%': 'sign_percent',
  '@': 'sign_at',
  '+': 'sign_plus',
};

/** A login for reading aloud, "bob dot example"; null where it contains no special character. */
export function spokenLogin(login: string, { text }: Texts): string | null {
  const spoken = login.replace(/[.\-_%@+]/g, (sign) => ` ${text(signs[sign] ?? '')} `).trim();
  return spoken === login ? null : spoken.replace(/ {2,}/g, ' ');
}
