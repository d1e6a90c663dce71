import { isEmailAddress } from '../domain/email-address';
import type { Delivery } from '../domain/mailbox';

/** A user in the answer of list-users, as far as the delivery of mail depends on it. */
export interface Recipient {
  readonly login: string;
  readonly emailAddress: string;
  readonly extraAddresses: readonly string[];
  /** Where the mailbox is: Virtualmin's `Mail location`, a file or a folder; empty where it is not known. */
  readonly location: string;
}

/** Where one destination leads: into the mailbox, to an address, into nothing, or it cannot be known. */
type Leads = 'here' | 'nowhere' | 'unknown' | { readonly to: string };

/**
 * What Virtualmin's `Forward mail to` says about a mailbox: a destination a line, in the form of the mail server's
 * aliases (aliases(5)), which alias_type() of virtual-server-lib-funcs.pl knows too. Without a destination the mail
 * is delivered to the mailbox. `addressOf` finds the address of the mailbox with a login. A filter of the user
 * (Sieve, procmail, ~/.forward) is not in the answer.
 */
export function deliveryOf(
  destinations: readonly string[],
  recipient: Recipient,
  addressOf: (login: string) => string | undefined,
): Delivery {
  const leads = destinations.map((one) => leadsTo(one, recipient, addressOf));
  const forwardsTo = leads.flatMap((one) => (typeof one === 'object' ? [one.to] : []));
  return {
    arrives:
      leads.length === 0 || leads.includes('here')
        ? 'yes'
        : leads.includes('unknown')
          ? 'unknown'
          : 'no',
    forwardsTo: [...new Set(forwardsTo)],
  };
}

function leadsTo(
  destination: string,
  { login, emailAddress, extraAddresses, location }: Recipient,
  addressOf: (login: string) => string | undefined,
): Leads {
  // Virtualmin's autoresponder answers the mail and keeps nothing. Any other program may deliver it.
  if (/^"?\|/.test(destination)) {
    return /^"?\|\s*\S*\/autoreply\.pl\s/.test(destination) ? 'nowhere' : 'unknown';
  }
  if (destination === '/dev/null' || /^BOUNCE(\s|$)/.test(destination)) return 'nowhere';
  if (destination === './Maildir/') return 'here';
  if (/^\.?\//.test(destination)) return isPath(destination, location) ? 'here' : 'unknown';
  if (destination.startsWith(':include:')) return 'unknown';
  const [, sameName] = /^%1@(\S+)$/.exec(destination) ?? [];
  if (sameName !== undefined) return address(emailAddress.replace(/@.*$/, `@${sameName}`));
  if (destination.startsWith('\\')) {
    // A backslash ends the expansion of aliases. Virtualmin writes a login with @ in two ways: see escape_user()
    // and replace_atsign(). NEWUSER is the placeholder of its templates.
    const name = destination.slice(1).replaceAll('\\@', '@');
    if ([login, login.replaceAll('@', '-'), 'NEWUSER'].includes(name)) return 'here';
    return address(addressOf(name) ?? name);
  }
  // Postfix's local(8) delivers to the user where an alias contains its own name.
  if (destination === login) return 'here';
  // The mailbox's own address leads to this list again.
  if ([emailAddress, ...extraAddresses].includes(destination.toLowerCase())) return 'unknown';
  return address(addressOf(destination) ?? destination);
}

/** An address, or the name of another user or alias of the server. What is neither is not shown. */
function address(text: string): Leads {
  const isName = /^[\p{L}\p{N}._%+-]{1,128}$/u.test(text);
  return isName || (isEmailAddress(text) && !/\p{C}/u.test(text)) ? { to: text } : 'unknown';
}

function isPath(path: string, location: string): boolean {
  return location !== '' && path.replace(/\/+$/, '') === location.replace(/\/+$/, '');
}
