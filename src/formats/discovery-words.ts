import type { Fault, Found, Search, ToldServer } from '../domain/discovery';
import { protocolNames, securityNames } from './words';

export const clientNames: Readonly<Record<Search['client'], string>> = {
  thunderbird: 'Thunderbird',
  outlook: 'Outlook',
};

/** A server that a client is told, in a line. */
export function toldName({ protocol, host, port, security }: ToldServer): string {
  const how = security === null ? 'without encryption' : `with ${securityNames[security]}`;
  return `${protocolNames[protocol]} at ${host} on ${port} ${how}`;
}

/** What is in a place where a client looks. */
export function foundWords(found: Found): string {
  switch (found.kind) {
    case 'servers':
      return `names ${found.servers.length} ${found.servers.length === 1 ? 'server' : 'servers'}`;
    case 'nothing':
      return `nothing (HTTP ${found.status})`;
    case 'not-understood':
      return 'an answer that is no settings';
    case 'leads-elsewhere':
      return `leads to ${found.to}, where it was not followed`;
    case 'unreachable':
      return {
        'no-address': 'nothing: the name has no address',
        'no-answer': 'nothing: no answer',
        certificate: 'nothing: the certificate is not good for the name',
      }[found.why];
  }
}

/** What is wrong with what a client is told. */
export function faultWords(fault: Fault, login: string): string {
  switch (fault.kind) {
    case 'login':
      return `it would log in as ${fault.told}, and the user name is ${login}`;
    case 'not-prescribed':
      return 'this server or port is not one that you prescribe';
    case 'not-encrypted':
      return 'the password would be sent in the clear';
    case 'challenge-response':
      return 'it would try a challenge-response login, which cannot work';
    case 'broken':
      return 'this port does not work now';
  }
}
