import { DOMParser, type Element as XmlElement } from '@xmldom/xmldom';

/** An element with its name, attributes and content. */
export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
  readonly text: string;
}

/** Parses a document with a parser that none of our writers uses. Throws if it is not well-formed. */
export function parseXml(text: string): Element {
  const { documentElement } = new DOMParser().parseFromString(text, 'text/xml');
  if (documentElement === null) throw new Error('no root');
  return toElement(documentElement);
}

function toElement(node: XmlElement): Element {
  const inside = Array.from(node.childNodes);
  return {
    name: node.tagName,
    attributes: Object.fromEntries(Array.from(node.attributes, ({ name, value }) => [name, value])),
    children: inside
      .filter((one) => one.nodeType === one.ELEMENT_NODE)
      .map((one) => toElement(one as XmlElement)),
    text: inside
      .filter((one) => one.nodeType !== one.ELEMENT_NODE)
      .map((one) => one.nodeValue ?? '')
      .join(''),
  };
}

/** An element's children as `{name: text}`. */
export function texts(element: Element | undefined): Record<string, string> {
  return Object.fromEntries((element?.children ?? []).map(({ name, text }) => [name, text]));
}

/** The children with this name. */
export function named(element: Element | undefined, name: string): Element[] {
  return (element?.children ?? []).filter((child) => child.name === name);
}

/** The value of a property list: dictionaries, arrays, strings, integers and booleans. */
export function plistValue(element: Element | undefined): unknown {
  switch (element?.name) {
    case 'plist':
      return plistValue(element.children[0]);
    case 'dict': {
      const pairs: [string, unknown][] = [];
      for (let index = 0; index < element.children.length; index += 2) {
        const key = element.children[index];
        if (key?.name !== 'key') throw new Error('a value without a key');
        pairs.push([key.text, plistValue(element.children[index + 1])]);
      }
      return Object.fromEntries(pairs);
    }
    case 'array':
      return element.children.map(plistValue);
    case 'string':
      return element.text;
    case 'integer':
      return Number(element.text);
    case 'true':
    case 'false':
      return element.name === 'true';
    default:
      throw new Error(`not in our property lists: ${String(element?.name)}`);
  }
}
