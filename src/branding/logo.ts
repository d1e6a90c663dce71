import { DOMParser, XMLSerializer, type Element, type Node } from '@xmldom/xmldom';
import { PNG } from 'pngjs';
import { maxLogoBytes, type Logo } from '../domain/branding';
import { good, type Parsed } from '../settings/setting';
import { message, type Message } from '../texts/message';

/** Pixels, for width and height. */
const maxPixels = 3000;

/** Of width to height, or height to width. */
const maxRatio = 20;

/** Limits for a drawing: a logo needs no more, and more would take too long to print. */
const maxElements = 2000;
const maxDepth = 30;

/** Characters of its style sheets together: searching a longer text for rules can take seconds. */
const maxStyleLength = 16 * 1024;

/** Limits for the units of an SVG: a PDF cannot write larger or smaller numbers exactly. */
const maxUnits = 1_000_000;
const minUnits = 0.01;

const svgNamespace = 'http://www.w3.org/2000/svg';

/** Ends the cleaning of a logo that cannot be used. */
class UnusableLogo extends Error {
  override readonly name = 'UnusableLogo';
  readonly problem: Message;

  constructor(key: string, values: Message['values'] = {}) {
    super(key);
    this.problem = message(key, values);
  }
}

/**
 * Takes a PNG or an SVG apart and makes a picture that contains only what is visible in it: no script, no reference to
 * anything outside, no text, no hidden data. The same file always gives the same bytes. A cleaned logo does not change
 * when it is cleaned again.
 */
export function cleanLogo(file: Buffer): Parsed<Logo> {
  try {
    return good(clean(file));
  } catch (error) {
    if (error instanceof UnusableLogo) return { problem: error.problem };
    throw error;
  }
}

function clean(file: Buffer): Logo {
  if (file.length > maxLogoBytes) throw tooLarge();
  const logo = isPng(file) ? cleanPng(file) : cleanSvg(file);
  const { width, height, bytes } = logo;
  if (bytes.length > maxLogoBytes) throw tooLarge();
  if (Math.max(width / height, height / width) > maxRatio) {
    throw new UnusableLogo('logo_ratio', { count: maxRatio });
  }
  return logo;
}

function tooLarge(): UnusableLogo {
  return new UnusableLogo('logo_bytes', { count: maxLogoBytes / 1024 });
}

function isPng(file: Buffer): boolean {
  return file.subarray(0, 8).equals(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'));
}

/** Only its pixels are kept. */
function cleanPng(file: Buffer): Logo {
  // The size in the IHDR chunk, which must be the first: it tells how much memory the unpacked picture needs.
  const [width, height] =
    file.length < 24 ? [0, 0] : [file.readUInt32BE(16), file.readUInt32BE(20)];
  if (width < 1 || height < 1 || width > maxPixels || height > maxPixels) {
    throw new UnusableLogo('logo_pixels', { count: maxPixels });
  }
  // pngjs unpacks interlaced pixels without a limit (11.2.2 of the PNG specification), and uses the last IHDR chunk.
  if (file[28] === 1) throw new UnusableLogo('logo_interlaced');
  if (headersOf(file) !== 1) throw new UnusableLogo('logo_png');
  let picture: PNG;
  try {
    picture = PNG.sync.read(file);
  } catch {
    throw new UnusableLogo('logo_png');
  }
  // On white, as it is printed: transparency would make a PDF larger and slower.
  const bytes = PNG.sync.write(picture, { colorType: 2, inputHasAlpha: true, deflateLevel: 9 });
  return { type: 'image/png', width, height, bytes };
}

/** The number of IHDR chunks. */
function headersOf(png: Buffer): number {
  let count = 0;
  for (let at = 8; at + 8 <= png.length; at += 12 + png.readUInt32BE(at)) {
    if (png.toString('latin1', at + 4, at + 8) === 'IHDR') count++;
  }
  return count;
}

/** Elements that draw, with the attributes of their shape and place. */
const drawing: Readonly<Record<string, readonly string[]>> = {
  svg: [],
  g: [],
  path: ['d'],
  rect: ['x', 'y', 'width', 'height', 'rx', 'ry'],
  circle: ['cx', 'cy', 'r'],
  ellipse: ['cx', 'cy', 'rx', 'ry'],
  line: ['x1', 'y1', 'x2', 'y2'],
  polyline: ['points'],
  polygon: ['points'],
  defs: [],
  clipPath: ['clipPathUnits'],
  linearGradient: ['x1', 'y1', 'x2', 'y2', 'gradientUnits', 'gradientTransform', 'spreadMethod'],
  radialGradient: [
    ...['cx', 'cy', 'r', 'fx', 'fy', 'gradientUnits', 'gradientTransform', 'spreadMethod'],
  ],
  stop: ['offset'],
};

/** Properties of how an element looks: attributes, or declarations in `style` or in a class of a style sheet. */
const presentation = [
  ...['fill', 'fill-opacity', 'fill-rule', 'stroke', 'stroke-width', 'stroke-opacity'],
  ...['stroke-linecap', 'stroke-linejoin', 'stroke-miterlimit', 'stroke-dasharray'],
  ...['stroke-dashoffset', 'opacity', 'stop-color', 'stop-opacity', 'clip-path', 'clip-rule'],
  ...['color', 'display', 'visibility'],
];

/** Visible elements that are not supported. Each has a text `logo_…` that says what to do about it. */
const unusable = ['text', 'image', 'use', 'filter', 'mask', 'pattern', 'foreignObject'];

/** A colour, a number, a list of numbers, or a reference to a part of the same drawing. */
const harmless = /^(?:[\w\s#%.,()+-]*|url\(#[\w.-]+\)(?:\s+[\w#]+)?)$/;

function cleanSvg(file: Buffer): Logo {
  const source = parse(file);
  const document = new DOMParser().parseFromString(`<svg xmlns="${svgNamespace}"/>`, 'text/xml');
  const root = document.documentElement;
  if (root === null) throw new Error('no root element');
  const box = viewBox(source);
  root.setAttribute('viewBox', box.join(' '));
  const styles = stylesOf(source);
  let count = 0;

  const copy = (from: Element, to: Element, depth: number): void => {
    for (const [name, text] of lookOf(from, styles)) to.setAttribute(name, text);
    for (let child = from.firstChild; child !== null; child = child.nextSibling) {
      const element = elementOf(child);
      if (element === null) continue;
      const name = element.localName ?? '';
      if (unusable.includes(name)) throw new UnusableLogo(`logo_${name}`);
      const places = drawing[name];
      // A title, a script, data of a drawing program: nothing visible.
      if (places === undefined || name === 'svg') continue;
      if (++count > maxElements || depth > maxDepth) {
        throw new UnusableLogo('logo_complicated');
      }
      const copied = document.createElementNS(svgNamespace, name);
      for (const place of ['id', 'transform', ...places]) take(element, copied, place);
      to.appendChild(copied);
      copy(element, copied, depth + 1);
    }
  };
  copy(source, root, 0);
  if (count === 0) throw new UnusableLogo('logo_empty');
  const text = new XMLSerializer().serializeToString(document);
  const [, , width, height] = box;
  return { type: 'image/svg+xml', width, height, bytes: Buffer.from(text) };
}

function parse(file: Buffer): Element {
  const text = file.toString('utf8').replace(/^\ufeff/, '');
  // Entities could expand to a text of any length, or include another file.
  if (/<!ENTITY/i.test(text)) throw new UnusableLogo('logo_entities');
  let root: Element | null = null;
  try {
    const complain = () => {
      throw new UnusableLogo('logo_neither');
    };
    root = new DOMParser({ onError: complain }).parseFromString(
      text.replace(/<!DOCTYPE[^<[>]*>/i, ''),
      'text/xml',
    ).documentElement;
  } catch {
    // It is not an SVG.
  }
  if (root?.localName !== 'svg' || root.namespaceURI !== svgNamespace) {
    throw new UnusableLogo('logo_neither');
  }
  return root;
}

function elementOf(node: Node): Element | null {
  const element = node as Element;
  return node.nodeType === node.ELEMENT_NODE && element.namespaceURI === svgNamespace
    ? element
    : null;
}

type Box = readonly [x: number, y: number, width: number, height: number];

function viewBox(root: Element): Box {
  const given = (root.getAttribute('viewBox') ?? '')
    .trim()
    .split(/[\s,]+/)
    .map(Number);
  const size = ['width', 'height'].map((name) => parseFloat(root.getAttribute(name) ?? ''));
  const [x = 0, y = 0, width = 0, height = 0] = given.length === 4 ? given : [0, 0, ...size];
  const usual = [x, y, width, height].every((number) => Math.abs(number) <= maxUnits);
  if (usual && width >= minUnits && height >= minUnits) {
    return [x, y, width, height];
  }
  throw new UnusableLogo('logo_size');
}

/** Presentation properties with their values. */
type Look = ReadonlyMap<string, string>;

type Styles = ReadonlyMap<string, Look>;

/** The declarations of each class. Drawing programs write `.name{…}` and no other rules. */
function stylesOf(root: Element): Styles {
  const classes = new Map<string, Look>();
  const sheets = Array.from(root.getElementsByTagName('style'), (one) => one.textContent ?? '');
  if (sheets.join('').length > maxStyleLength) throw new UnusableLogo('logo_complicated');
  for (const sheet of sheets) {
    const rules = sheet.replace(/\/\*[^]*?\*\//g, '');
    for (const [, selectors = '', declarations = ''] of rules.matchAll(/([^{}]*)\{([^{}]*)\}/g)) {
      const declared = declaredIn(declarations);
      for (const selector of selectors.split(',').map((one) => one.trim())) {
        const [, name] = /^\.([\w-]+)$/.exec(selector) ?? [];
        if (name === undefined) {
          throw new UnusableLogo('logo_style');
        }
        classes.set(name, new Map([...(classes.get(name) ?? []), ...declared]));
      }
    }
  }
  return classes;
}

/** The usable declarations in the text of a rule or of a `style` attribute. */
function declaredIn(text: string): Look {
  const look = new Map<string, string>();
  for (const declaration of text.split(';')) {
    const [name = '', value = ''] = declaration.split(':', 2);
    setUsable(look, name.trim(), value.replace(/!\s*important/, '').trim());
  }
  return look;
}

function setUsable(look: Map<string, string>, name: string, text: string): void {
  if (presentation.includes(name) && harmless.test(text)) look.set(name, text);
}

/** How an element looks: its style overrides its classes, and these its attributes (CSS 2.1, 6.4). */
function lookOf(element: Element, styles: Styles): Look {
  const look = new Map<string, string>();
  for (const name of presentation) {
    setUsable(look, name, (element.getAttribute(name) ?? '').trim());
  }
  const classes = (element.getAttribute('class') ?? '').split(/\s+/);
  const declared = [
    ...classes.map((name) => styles.get(name) ?? new Map<string, string>()),
    declaredIn(element.getAttribute('style') ?? ''),
  ];
  for (const one of declared) for (const [name, text] of one) look.set(name, text);
  for (const [name, text] of look) if (text === '') look.delete(name);
  return look;
}

function take(from: Element, to: Element, name: string): void {
  const text = from.getAttribute(name)?.trim() ?? '';
  if (text !== '' && harmless.test(text)) to.setAttribute(name, text);
}
