import type { Endpoint, Observation, Result, Weakness } from '../domain/observation';
import type { LoginVerdict } from '../domain/login-verdict';
import { protocolNames, securityNames } from './words';

/** What was seen, for people, and what mends it; `remedy` is '' where nothing has to be mended. */
export interface CheckWords {
  readonly seen: string;
  readonly remedy: string;
}

/** An endpoint as people name it: "IMAP on 143 with STARTTLS". */
export function endpointName({ protocol, port, security }: Endpoint): string {
  return `${protocolNames[protocol]} on ${port} with ${securityNames[security]}`;
}

/** Made when it is first needed: it takes 5 MB. */
let day: Intl.DateTimeFormat | undefined;

/** A day, of milliseconds since 1970. */
export function dayOf(time: number): string {
  day ??= new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' });
  return day.format(time);
}

/** What an answer of a port means, and what to do about it: for Postfix and Dovecot by the setting's name. */
export function resultWords(
  { protocol, port, security, host }: Endpoint,
  result: Result,
): CheckWords {
  const sending = protocol === 'submission';
  const service = sending
    ? port === 465
      ? 'the service smtps (submissions) in master.cf'
      : 'the service submission in master.cf'
    : `the ${protocol}-login service in dovecot.conf`;
  switch (result.kind) {
    case 'proven':
      return { seen: 'works', remedy: '' };
    case 'not-checked':
      return result.why === 'switched-off'
        ? { seen: 'not checked: switched off in the settings', remedy: '' }
        : {
            seen: `not checked: ${host} leads to a private address that is not this server's`,
            remedy: "Publish the mail server's public address for this name.",
          };
    case 'unresolved':
      return {
        seen: `no address is known for ${host}`,
        remedy: `Publish an A record (and AAAA) for ${host}, or set mail_host to a name that has one.`,
      };
    case 'refused':
      return {
        seen: 'nothing listens on this port, or a firewall turns connections away',
        remedy: `Switch on ${service}, and let port ${port} through the firewall.`,
      };
    case 'timed-out':
      return {
        seen: 'no answer in time',
        remedy: `A firewall that drops packets looks like this: let port ${port} through. Otherwise see why the service hangs.`,
      };
    case 'certificate-name':
      return {
        seen: `the certificate is not good for ${host}, but for ${result.names.join(', ')}`,
        remedy: `Get a certificate that names ${host}, or prescribe a host that it names.`,
      };
    case 'certificate-expired':
      return {
        seen: `the certificate ran out on ${dayOf(result.until)}`,
        remedy: `Renew it, then reload the server. ${certificateSetting(sending)}`,
      };
    case 'certificate-untrusted':
      return {
        seen: `nobody whom mail clients trust vouches for the certificate (${result.reason})`,
        remedy: `Use one from a public authority, with the certificates between. ${certificateSetting(sending)}`,
      };
    case 'differs':
      break;
  }
  switch (result.how) {
    case 'starttls-not-offered':
      return {
        seen: 'STARTTLS is not offered',
        remedy: sending
          ? 'Postfix: smtpd_tls_security_level = may or encrypt.'
          : 'Dovecot: ssl = required.',
      };
    case 'starttls-refused':
      return {
        seen: 'STARTTLS is offered, and then refused',
        remedy: `The server cannot load its key or certificate. ${certificateSetting(sending)}`,
      };
    case 'tls-fails':
      return {
        seen:
          security === 'implicit-tls'
            ? 'no TLS, or one that fails or is older than 1.2'
            : 'TLS fails after STARTTLS, or is older than 1.2',
        remedy:
          sending && security === 'implicit-tls'
            ? 'Postfix: -o smtpd_tls_wrappermode=yes for this service in master.cf.'
            : sending
              ? `Postfix: smtpd_tls_cert_file, smtpd_tls_key_file, smtpd_tls_protocols.`
              : 'Dovecot: ssl_cert, ssl_key, ssl_min_protocol.',
      };
    case 'no-password-login':
      return {
        seen: 'no login with a normal password is offered over TLS',
        remedy: sending
          ? 'Postfix: smtpd_sasl_auth_enable = yes; Dovecot: auth_mechanisms = plain login.'
          : 'Dovecot: auth_mechanisms = plain login.',
      };
    case 'other-protocol':
      return {
        seen: `what answers does not speak ${protocolNames[protocol]}`,
        remedy: 'Another program has this port.',
      };
    case 'closes-connection':
      return {
        seen: 'the server ends the connection',
        remedy:
          "Its log says why. A limit on connections or a ban of this server's address looks like this.",
      };
    case 'answers-too-much':
      return { seen: 'the answer has no end', remedy: 'Another program has this port.' };
  }
}

function certificateSetting(sending: boolean): string {
  return sending
    ? 'Postfix: smtpd_tls_cert_file, smtpd_tls_key_file.'
    : 'Dovecot: ssl_cert, ssl_key.';
}

/** What is broken of a host, the ports with the same fault together. */
export function brokenWords(broken: readonly Observation[]): { ports: string; seen: string }[] {
  const groups = new Map<string, number[]>();
  for (const { endpoint, result } of broken) {
    const { seen } = resultWords(endpoint, result);
    groups.set(seen, [...(groups.get(seen) ?? []), endpoint.port]);
  }
  return [...groups].map(([seen, ports]) => ({
    ports: `${ports.length === 1 ? 'port' : 'ports'} ${ports.join(', ')}`,
    seen,
  }));
}

/** What works and should not be so. */
export const weaknessWords: Readonly<Record<Weakness, CheckWords>> = {
  'login-before-tls': {
    seen: 'a password could be sent in the clear',
    remedy: 'Postfix: smtpd_tls_auth_only = yes; Dovecot: disable_plaintext_auth = yes.',
  },
  injection: {
    seen: 'commands sent before TLS are carried out after it',
    remedy: 'The server is old and open to attacks: update it.',
  },
  'challenge-response': {
    seen: 'challenge-response logins are offered, which clients may choose and which fail',
    remedy: 'Dovecot: auth_mechanisms = plain login.',
  },
  'one-family-fails': {
    seen: 'one of its addresses does not work, so that clients wait',
    remedy: 'Let the server listen on it, or take it out of the DNS.',
  },
};

/** Everything to be said of one port. */
export function observationWords({ endpoint, result, weaknesses }: Observation): CheckWords[] {
  return [resultWords(endpoint, result), ...weaknesses.map((one) => weaknessWords[one])];
}

/** What a trial of a login shows. */
export const verdictWords: Readonly<Record<LoginVerdict, string>> = {
  works: 'User name and password are right, for reading and for sending.',
  'works-and-address-does-not':
    'User name and password are right, for reading and for sending. The e-mail address in place of the user name is refused: it must be the user name.',
  'address-instead-of-login':
    'The server takes the e-mail address with this password, and not the user name that Virtualmin shows. Something on the server is set up otherwise than Virtualmin knows.',
  'password-wrong':
    'The server is well and refuses: the password is wrong. The user name is the one that Virtualmin shows.',
  'sending-refuses':
    'User name and password are right for reading mail, and refused for sending: the fault is in the set-up of sending, not with the person. Postfix: smtpd_sasl_type, smtpd_sasl_path.',
  'receiving-refuses':
    'User name and password are right for sending, and refused for reading mail: the fault is in the set-up of the server, not with the person.',
  server: 'The server could not be asked: it is at fault, and not the user name or the password.',
};
