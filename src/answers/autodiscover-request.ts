import type { Element } from '@xmldom/xmldom';
import { elementsIn, ownText, parseXml } from '../discovery/xml';

/** What a request of autodiscover asks about. */
export interface AutodiscoverRequest {
  /** As the client has written it; empty where the element is missing. */
  readonly emailAddress: string;
  /** Outlook's schema of answers, or another one, such as that of ActiveSync. */
  readonly schema: 'outlook' | 'other';
}

/** The beginning of the schemas in which Outlook takes an answer: [MS-OXDSCLI], 2.2.3.1.1.1. */
const outlookSchema =
  /^http:\/\/schemas\.microsoft\.com\/exchange\/autodiscover\/outlook\/responseschema\/2006a?$/;

/** A request of autodiscover (POX, [MS-OXDSCLI], 2.2.3); null where it is none. */
export function readAutodiscoverRequest(text: string): AutodiscoverRequest | null {
  const root = /<!DOCTYPE/i.test(text) ? null : parseXml(text);
  if (root?.localName !== 'Autodiscover') return null;
  const request = child(root, 'Request');
  if (request === undefined) return null;
  const schema = value(request, 'AcceptableResponseSchema');
  return {
    emailAddress: value(request, 'EMailAddress'),
    schema: outlookSchema.test(schema) ? 'outlook' : 'other',
  };
}

function child(parent: Element, name: string): Element | undefined {
  return elementsIn(parent).find(({ localName }) => localName === name);
}

function value(parent: Element, name: string): string {
  const element = child(parent, name);
  return element === undefined ? '' : ownText(element).trim();
}
