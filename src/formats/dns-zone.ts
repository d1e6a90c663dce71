import type { DomainServices } from '../domain/client-settings';
import { srvLabels } from '../domain/discovery';

const comment = `; Where mail clients find the servers of this domain by themselves (RFC 6186, RFC 8314).
; The lower the first number, the sooner it is tried. Each server needs an address record (A or AAAA);
; a CNAME is not allowed here. These records carry no user name: where it is not the e-mail address,
; a client that found the servers will still ask with the wrong one.
`;

/** SRV records for a domain's zone, a line each, in the order of the policy. */
export function dnsZone(domain: string, { incoming, outgoing }: DomainServices): string {
  const records = [incoming, outgoing].flatMap((services) =>
    services.map(({ protocol, host, port, security }, index) => {
      const name = `${srvLabels[protocol][security]}._tcp.${domain}.`;
      return `${name} 3600 IN SRV ${index * 10} 1 ${port} ${host}.\n`;
    }),
  );
  return comment + records.join('');
}
