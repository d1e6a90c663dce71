import type { DomainServices } from '../domain/client-settings';
import { srvLabels } from '../domain/discovery';

const comment = `; Mail clients find the servers of this domain with these records (RFC 6186, RFC 8314).
; The first number is the priority: clients try the lowest first. Each server needs an address record (A or
; AAAA); a CNAME is not allowed here. The records contain no user name: where it is not the e-mail address,
; a client that finds the servers still logs in with the wrong user name.
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
