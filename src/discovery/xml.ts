import { DOMParser, type Document, type Element, type Node } from '@xmldom/xmldom';

/**
 * Parses a document as strictly as the clients do: Thunderbird's parser refuses one that is not well-formed,
 * for example with white space before the XML declaration or with a bare `&`. Null where it is refused.
 */
export function parseXml(text: string): Element | null {
  const marked = text.replace(/^\uFEFF/, '');
  if (hasBareAmpersand(marked)) return null;
  try {
    const parser = new DOMParser({
      onError: (_level, message) => {
        throw new Error(message);
      },
    });
    const document: Document = parser.parseFromString(marked, 'text/xml');
    return document.documentElement;
  } catch {
    return null;
  }
}

/** The parser accepts an `&` that begins no reference; XML 1.0, 2.4, does not. */
function hasBareAmpersand(text: string): boolean {
  const marked = text.replaceAll(/<!\[CDATA\[[^]*?\]\]>|<!--[^]*?-->/g, '');
  return /&(?!#\d+;|#x[\da-f]+;|[a-z_][\w.-]*;)/i.test(marked);
}

/** The child elements of that name, with its prefix. */
export function childrenOf(parent: Element, name: string): Element[] {
  return elementsIn(parent).filter(({ nodeName }) => nodeName === name);
}

export function elementsIn(parent: Element): Element[] {
  return [...parent.childNodes].filter(isElement);
}

/** The text in an element, without that of its child elements. */
export function ownText(element: Element): string {
  return [...element.childNodes]
    .filter(({ nodeType }) => nodeType === 3 || nodeType === 4)
    .map(({ nodeValue }) => nodeValue ?? '')
    .join('');
}

function isElement(node: Node): node is Element {
  return node.nodeType === 1;
}
