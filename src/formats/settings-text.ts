import { byRole, type ClientSettings, type Service } from '../domain/client-settings';
import type { PageTexts } from '../texts/page-texts';
import { protocolNames, securityNames, warningWords } from './words';

/** The settings as plain text, for a chat or a ticket. Lines end in `\n`. */
export function settingsText(settings: ClientSettings, t: PageTexts): string {
  const { text } = t;
  return (
    [
      [
        text('text_title', { address: settings.emailAddress }),
        ...(settings.readableAddress === null
          ? []
          : [text('sheet_readable', { readable: settings.readableAddress })]),
      ],
      settings.warnings.map((warning) => `! ${t.say(warningWords(warning, settings))}`),
      direction('page_incoming', settings.incoming, settings, t),
      direction('page_outgoing', settings.outgoing, settings, t),
      [text('text_never')],
      alternatives(settings, t),
      more(settings, t),
    ]
      .filter((block) => block.length > 0)
      .map((block) => block.join('\n'))
      .join('\n\n') + '\n'
  );
}

function direction(
  title: string,
  services: readonly Service[],
  { login }: ClientSettings,
  t: PageTexts,
): string[] {
  const { text } = t;
  const { recommended, fallback } = byRole(services);
  const rows = [
    ['sheet_server', recommended.host],
    ['sheet_port', String(recommended.port)],
    ['sheet_security', securityNames[recommended.security]],
    ['sheet_login', login],
    ['sheet_password', text('page_its_password')],
    ['sheet_authentication', text('sheet_normal_password')],
  ] as const;
  const labelled = rows.map(
    ([key, value]) => [text('mail_line', { label: text(key), value: '' }), value] as const,
  );
  const width = Math.max(...labelled.map(([label]) => label.length));
  return [
    `${text(title)} (${protocolNames[recommended.protocol]})`,
    ...labelled.map(([label, value]) => `  ${label.padEnd(width)}${value}`),
    ...(fallback === null
      ? []
      : [`  ${text('text_fallback', { port_and_security: portAndSecurity(fallback, t) })}`]),
  ];
}

function portAndSecurity({ port, security }: Service, { text }: PageTexts): string {
  return text('sheet_port_and_security', { port, security: securityNames[security] });
}

function alternatives({ incoming }: ClientSettings, t: PageTexts): string[] {
  const services = byRole(incoming).alternatives;
  const [first] = services;
  if (first === undefined) return [];
  const ports = services.map((one) => portAndSecurity(one, t)).join(` ${t.text('or')} `);
  return [t.text('text_pop3', { host: first.host, ports })];
}

function more(
  { extraAddresses, webmailUrl, supportContact }: ClientSettings,
  { text }: PageTexts,
): string[] {
  return [
    ...(extraAddresses.length > 0
      ? [text('text_extra', { addresses: extraAddresses.join(', ') })]
      : []),
    ...(webmailUrl === null ? [] : [text('text_webmail', { url: webmailUrl })]),
    ...(supportContact === null ? [] : [text('text_help', { contact: supportContact })]),
  ];
}
