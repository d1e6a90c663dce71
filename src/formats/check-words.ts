import type { Endpoint, Observation, Result, Weakness } from '../domain/observation';
import type { PageTexts } from '../texts/page-texts';
import { textKey } from '../texts/message';
import { protocolNames, securityNames } from './words';

/** A check in words, and the remedy; `remedy` is '' where none is needed. */
export interface CheckWords {
  readonly finding: string;
  readonly remedy: string;
}

/** The name of an endpoint: "IMAP on 143 with STARTTLS". */
export function endpointName({ protocol, port, security }: Endpoint, { text }: PageTexts): string {
  const names = { protocol: protocolNames[protocol], security: securityNames[security] };
  return text('check_endpoint', { ...names, port });
}

/** Formats by language, created when first needed: the first takes 5 MB. */
const days = new Map<string, Intl.DateTimeFormat>();

/** The day of a time in milliseconds since 1970. */
export function dayOf(time: number, { code }: Pick<PageTexts, 'code'>): string {
  // English as most of the world writes a day.
  const locale = code === 'en' ? 'en-GB' : code;
  const format =
    days.get(code) ?? new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' });
  days.set(code, format);
  return format.format(time);
}

const certificateOfDovecot =
  'Dovecot 2.3: ssl_cert, ssl_key. Dovecot 2.4: ssl_server_cert_file, ssl_server_key_file.';

/** Names of settings of Postfix and Dovecot, which are not translated. Where Dovecot 2.3 and 2.4 differ, both. */
const settings = {
  certificate: {
    sending: 'Postfix: smtpd_tls_cert_file, smtpd_tls_key_file, tls_server_sni_maps.',
    receiving: `Dovecot: local_name. ${certificateOfDovecot}`,
  },
  starttls: {
    sending: 'Postfix: smtpd_tls_security_level = may.',
    receiving: 'Dovecot: ssl = required.',
  },
  tls: {
    sending: 'Postfix: smtpd_tls_cert_file, smtpd_tls_key_file, smtpd_tls_protocols.',
    receiving: `Dovecot: ssl_min_protocol, haproxy. ${certificateOfDovecot}`,
  },
  proxy: {
    sending: 'Postfix: smtpd_upstream_proxy_protocol.',
    receiving: 'Dovecot: haproxy = yes, haproxy_trusted_networks.',
  },
  mechanisms: {
    sending: 'Postfix: smtpd_sasl_auth_enable = yes; Dovecot: auth_mechanisms = plain login.',
    receiving: 'Dovecot: auth_mechanisms = plain login.',
  },
  limits: {
    sending: 'Postfix: smtpd_client_connection_count_limit, smtpd_client_connection_rate_limit.',
    receiving: 'Dovecot: client_limit, process_limit (imap-login, pop3-login).',
  },
  loginBeforeTls:
    'Postfix: smtpd_tls_auth_only = yes. Dovecot 2.3: disable_plaintext_auth = yes. Dovecot 2.4: auth_allow_cleartext = no.',
};

/** Texts for reasons of an untrusted certificate: OpenSSL's codes, and those of the checks. */
const reasons: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'check_reason_self_signed',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'check_reason_incomplete',
  SELF_SIGNED_CERT_IN_CHAIN: 'check_reason_authority',
  UNABLE_TO_GET_ISSUER_CERT: 'check_reason_authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'check_reason_authority',
  CERT_HAS_EXPIRED: 'check_reason_chain_expired',
  CERT_NOT_YET_VALID: 'check_reason_not_yet',
  KEY: 'check_reason_key',
  // Node.js has no code for what OpenSSL's security level forbids.
  UNSPECIFIED: 'check_reason_weak',
  NO_SUBJECT_ALTERNATIVE_NAME: 'check_reason_no_name',
};

function reasonWords(reason: string, text: PageTexts['text']): string {
  const key = reasons[reason];
  return key === undefined ? reason : text(key);
}

/** The meaning of a port's result, and what to do, with the names of the settings of Postfix and Dovecot. */
export function resultWords(
  { protocol, port, security, host }: Endpoint,
  result: Result,
  { text, code }: PageTexts,
): CheckWords {
  const side = protocol === 'submission' ? 'sending' : 'receiving';
  switch (result.kind) {
    case 'proven':
      return { finding: text('check_works'), remedy: '' };
    case 'not-checked':
      return { finding: text('check_private', { host }), remedy: text('check_private_do') };
    case 'unresolved':
      return {
        finding: text('check_unresolved', { host }),
        remedy: text('check_unresolved_do', { host }),
      };
    case 'refused': {
      const service = serviceName(protocol, port);
      return {
        finding: text('check_refused'),
        remedy: text('check_refused_do', { service, port }),
      };
    }
    case 'timed-out':
      return { finding: text('check_timed_out'), remedy: text('check_timed_out_do', { port }) };
    case 'turned-away':
      return {
        finding: text('check_turned_away', { words: result.words }),
        remedy: result.temporary
          ? text('check_turned_away_later', { setting: settings.limits[side] })
          : text('check_turned_away_do', { setting: settings.proxy[side] }),
      };
    case 'certificate-name':
      return {
        finding: text('check_certificate_name', { host, names: result.names.join(', ') }),
        remedy: text('check_certificate_name_do', { host }),
      };
    case 'certificate-expired':
      return {
        finding: text('check_certificate_expired', { day: dayOf(result.until, { code }) }),
        remedy: text('check_certificate_expired_do', { setting: settings.certificate[side] }),
      };
    case 'certificate-untrusted':
      return {
        finding: text('check_certificate_untrusted', { reason: reasonWords(result.reason, text) }),
        remedy: text('check_certificate_untrusted_do', { setting: settings.certificate[side] }),
      };
    case 'differs':
      break;
  }
  switch (result.how) {
    case 'starttls-not-offered':
      return { finding: text('check_starttls_not_offered'), remedy: settings.starttls[side] };
    case 'starttls-stripped':
      return {
        finding: text('check_starttls_stripped'),
        remedy: text('check_starttls_stripped_do'),
      };
    case 'starttls-refused':
      return {
        finding: text('check_starttls_refused'),
        remedy: text('check_starttls_refused_do', { setting: settings.certificate[side] }),
      };
    case 'tls-fails':
      return security === 'starttls'
        ? { finding: text('check_tls_fails_after'), remedy: settings.tls[side] }
        : {
            finding: text('check_tls_fails'),
            remedy:
              side === 'sending'
                ? 'Postfix, master.cf: -o smtpd_tls_wrappermode=yes, smtpd_upstream_proxy_protocol.'
                : settings.tls.receiving,
          };
    case 'no-password-login':
      return { finding: text('check_no_password_login'), remedy: settings.mechanisms[side] };
    case 'tls-ends-before':
      return {
        finding: text('check_tls_ends_before'),
        remedy: text('check_tls_ends_before_do', { setting: settings.proxy[side] }),
      };
    case 'other-protocol':
      return {
        finding: text('check_other_protocol', { protocol: protocolNames[protocol] }),
        remedy: text('check_other_program'),
      };
    case 'closes-connection':
      return {
        finding: text('check_closes_connection'),
        remedy: text('check_closes_connection_do', { setting: settings.proxy[side] }),
      };
    case 'silent':
      return {
        finding: text('check_silent'),
        remedy: text('check_silent_do', { setting: settings.proxy[side] }),
      };
    case 'answers-too-much':
      return { finding: text('check_answers_too_much'), remedy: text('check_other_program') };
  }
}

/** What listens on a port, as the file that says so names it. */
function serviceName(protocol: Endpoint['protocol'], port: number): string {
  if (protocol !== 'submission')
    return `${protocol}-login (Dovecot: protocols, ssl, inet_listener)`;
  return `${port === 465 ? 'smtps/submissions' : 'submission'} (Postfix: master.cf)`;
}

/** What is broken on a host. Ports with the same fault are grouped. */
export function brokenWords(
  broken: readonly Observation[],
  t: PageTexts,
): { ports: string; finding: string }[] {
  const groups = new Map<string, number[]>();
  for (const { endpoint, result } of broken) {
    const { finding } = resultWords(endpoint, result, t);
    groups.set(finding, [...(groups.get(finding) ?? []), endpoint.port]);
  }
  return [...groups].map(([finding, ports]) => ({
    ports: t.text(ports.length === 1 ? 'check_on_port' : 'check_on_ports', {
      ports: ports.join(', '),
    }),
    finding,
  }));
}

/** A weakness in words, and the remedy. */
function weaknessWords(weakness: Weakness, { text }: PageTexts): CheckWords {
  const key = textKey('check', weakness);
  switch (weakness) {
    case 'login-before-tls':
      return { finding: text(key), remedy: settings.loginBeforeTls };
    case 'challenge-response':
    case 'no-login-mechanism':
      return { finding: text(key), remedy: settings.mechanisms.receiving };
    case 'injection':
    case 'one-family-fails':
      return { finding: text(key), remedy: text(`${key}_do`) };
  }
}

/** The result and all weaknesses of one port, in words. */
export function observationWords(
  { endpoint, result, weaknesses }: Observation,
  t: PageTexts,
): CheckWords[] {
  return [resultWords(endpoint, result, t), ...weaknesses.map((one) => weaknessWords(one, t))];
}
