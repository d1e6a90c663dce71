import PDFDocument from 'pdfkit';

/** An object of the PDF. Its string form is the reference to it. */
interface Reference<Data = unknown> {
  readonly id: number;
  /** Its offset in the file, once it is written. */
  readonly offset: number;
  data: Data;
  end: () => void;
  toString: () => string;
}

interface Page {
  readonly dictionary: Reference;
  readonly content: Reference;
  readonly resources: Reference;
}

/** A node of the tree of pages (ISO 32000-1, 7.7.3.2). */
interface PagesNode {
  readonly Type: 'Pages';
  readonly Parent?: Reference;
  readonly Count: number;
  readonly Kids: readonly Reference[];
}

/** Which elements the content of each page belongs to, by a number of the page's. */
interface ParentTree {
  _items: Readonly<Record<string, readonly Reference[]>>;
}

/** Members of PDFKit 0.20's class that its types do not declare. */
interface Inside {
  readonly _root: Reference<{ Pages: Reference<PagesNode> }>;
  readonly _info: Reference;
  readonly _id: Uint8Array;
  _offset: number;
  /** Where each object begins, by its number less one. */
  _offsets: { readonly length: number; readonly push: () => void };
  /** Objects that have not been written yet. */
  _waiting: number;
  _ended: boolean;
  readonly _pageBuffer: readonly Page[];
  readonly _font: { layoutRun: (word: string) => object; layoutCached: (word: string) => object };
  readonly ref: <Data>(data: Data) => Reference<Data>;
  readonly getStructTreeRoot: () => Reference<{ ParentTree: object }>;
  readonly getStructParentTree: () => ParentTree;
}

/** An image opened by a document, for any number of its pages. */
export interface OpenedImage {
  readonly width: number;
  readonly height: number;
}

/** A cache of glyph runs by word, for one font. */
export interface Words {
  get: (word: string) => object | undefined;
  set: (word: string, run: object) => unknown;
}

/** Bytes passed on to the reader at a time. */
const chunkSize = 64 * 1024;

/** Pages in a leaf of the tree of pages, and in one of the tree of their structure. */
const pagesInLeaf = 32;

/** Xref entries per buffer. */
const xrefEntriesPerBuffer = 4096;

/** Bytes for the offset of one object: enough for the ten digits of a PDF's xref entry. */
const offsetSize = 5;

/**
 * PDFKit's document for thousands of pages. It passes bytes on in large pieces, where PDFKit makes a buffer
 * of every line. It frees the objects that it has written, where PDFKit keeps each page and each structure
 * element in memory to write one tree of all of them at the end.
 */
export class StreamedDocument extends PDFDocument {
  // Declared without a value: PDFKit's constructor writes before the fields of this class are initialised.
  declare private chunk: Buffer | undefined;
  declare private filled: number;
  declare private offsets: Buffer[] | undefined;
  declare openImage: (source: Buffer) => OpenedImage;

  private readonly pages: Reference<PagesNode>;
  private readonly pageLeaves: Reference<PagesNode>[] = [];
  private readonly structureLeaves: Reference[] = [];
  private structureLeaf: (number | readonly Reference[])[] = [];
  private ending: Generator<string, undefined> | undefined;

  constructor(options: PDFKit.PDFDocumentOptions) {
    super(options);
    const { inside } = this;
    let { length } = inside._offsets;
    // PDFKit numbers its objects by this array's length. The offsets are in `offsets`, which takes less memory.
    inside._offsets = {
      get length() {
        return length;
      },
      push: () => {
        length++;
      },
    };
    this.pages = inside.ref<PagesNode>({ Type: 'Pages', Count: 0, Kids: [] });
    Object.assign(inside._root.data.Pages.data, { Parent: this.pages });
  }

  /** PDFKit calls this for everything it writes: text as Latin-1 and a line, or bytes. */
  _write(data: string | Uint8Array): void {
    const bytes = typeof data === 'string' ? Buffer.from(`${data}\n`, 'latin1') : data;
    this.inside._offset += bytes.length;
    if (this.chunk !== undefined && this.filled + bytes.length > chunkSize) this.flush();
    if (bytes.length > chunkSize) {
      super.push(bytes);
      return;
    }
    if (this.chunk === undefined) {
      this.chunk = Buffer.allocUnsafeSlow(chunkSize);
      this.filled = 0;
    }
    this.chunk.set(bytes, this.filled);
    this.filled += bytes.length;
  }

  /** Passes on all bytes written so far. */
  flush(): void {
    if (this.chunk === undefined) return;
    super.push(this.chunk.subarray(0, this.filled));
    this.chunk = undefined;
  }

  /** PDFKit calls this for each object that it has written. */
  _refEnd({ id, offset }: Reference): void {
    const { inside } = this;
    this.offsets ??= [];
    const part = Math.floor((id - 1) / xrefEntriesPerBuffer);
    this.offsets[part] ??= Buffer.alloc(xrefEntriesPerBuffer * offsetSize);
    this.offsets[part].writeUIntBE(
      offset,
      ((id - 1) % xrefEntriesPerBuffer) * offsetSize,
      offsetSize,
    );
    inside._waiting--;
    if (inside._waiting === 0 && inside._ended) this._finalize();
  }

  override addPage(options?: PDFKit.PDFDocumentOptions): this {
    const leaf = this.inside._root.data.Pages;
    if (leaf.data.Count === pagesInLeaf) {
      this.endPageLeaf();
      const next: PagesNode = { Type: 'Pages', Parent: this.pages, Count: 0, Kids: [] };
      this.inside._root.data.Pages = this.inside.ref(next);
    }
    super.addPage(options);
    return this;
  }

  /** Ends a leaf of the page tree. PDFKit adds pages to the object that the catalog names as the tree's root. */
  private endPageLeaf(): void {
    const leaf = this.inside._root.data.Pages;
    this.pageLeaves.push(leaf);
    writeAndForget(leaf);
  }

  /** PDFKit calls this when pages are done. */
  override flushPages(): void {
    const { _pageBuffer: pages } = this.inside;
    super.flushPages();
    for (const { dictionary, content, resources } of pages) {
      for (const written of [dictionary, content, resources]) written.data = null;
    }
  }

  /** Frees the structure elements of the pages so far, which must all have ended. */
  endStructure(): void {
    const tree = this.inside.getStructParentTree();
    for (const [key, elements] of Object.entries(tree._items)) {
      this.structureLeaf.push(Number(key), elements);
      if (this.structureLeaf.length === 2 * pagesInLeaf) this.endStructureLeaf();
    }
    tree._items = {};
  }

  /** A leaf of a number tree: ISO 32000-1, 7.9.7. */
  private endStructureLeaf(): void {
    const numbers = this.structureLeaf;
    const leaf = this.inside.ref({ Limits: [numbers[0], numbers.at(-2)], Nums: numbers });
    this.structureLeaves.push(leaf);
    this.structureLeaf = [];
    writeAndForget(leaf);
  }

  override end(): void {
    const { inside } = this;
    if (this.structureLeaf.length > 0) this.endStructureLeaf();
    inside.getStructTreeRoot().data.ParentTree = { Kids: this.structureLeaves };
    this.endPageLeaf();
    const { start, count } = this.bufferedPageRange();
    this.pages.data = { Type: 'Pages', Count: start + count, Kids: this.pageLeaves };
    inside._root.data.Pages = this.pages;
    super.end();
  }

  /** PDFKit calls this when all objects have been written. */
  _finalize(): void {
    this.flush();
    this.ending = this.crossReferences();
    this._read();
  }

  /** Node.js calls this when the reader wants more bytes. Before the end, PDFKit's own writes provide them. */
  override _read(): void {
    const piece = this.ending?.next();
    if (piece !== undefined) this.push(piece.done === true ? null : Buffer.from(piece.value));
  }

  /** The end of the file (ISO 32000-1, 7.5.4 and 7.5.5), piece by piece. */
  private *crossReferences(): Generator<string, undefined> {
    const { _offset: start, _offsets: objects, _root: root, _info: info, _id: id } = this.inside;
    const size = objects.length + 1;
    yield `xref\n0 ${size}\n0000000000 65535 f \n`;
    for (const [index, part] of (this.offsets ?? []).entries()) {
      const count = Math.min(xrefEntriesPerBuffer, objects.length - index * xrefEntriesPerBuffer);
      const lines = Array.from({ length: count }, (_, place) => {
        const offset = part.readUIntBE(place * offsetSize, offsetSize);
        return `${String(offset).padStart(10, '0')} 00000 n \n`;
      });
      yield lines.join('');
    }
    const ids = `<${Buffer.from(id).toString('hex')}>`.repeat(2);
    yield `trailer\n<< /Size ${size} /Root ${String(root)} /Info ${String(info)} /ID [${ids}] >>\n`;
    yield `startxref\n${start}\n%%EOF\n`;
  }

  /**
   * Adds an opened font. Glyph runs are cached in `words`, also for other documents, where PDFKit keeps
   * those of every word of a document until its end.
   */
  addFont(name: string, font: object, words: Words): void {
    // PDFKit accepts an opened font; its types do not declare it.
    this.registerFont(name, font as never).font(name);
    const { _font: added } = this.inside;
    added.layoutCached = (word) => {
      const known = words.get(word);
      if (known !== undefined) return known;
      const run = added.layoutRun(word);
      words.set(word, run);
      return run;
    };
  }

  /** Draws an opened image, with its upper left corner at `x`, `y`. */
  drawImage(picture: OpenedImage, x: number, y: number, options: PDFKit.Mixins.ImageOption): void {
    // PDFKit accepts an opened image; its types do not declare it.
    this.image(picture as never, x, y, options);
  }

  private get inside(): Inside {
    return this as unknown as Inside;
  }
}

/** Writes an object and frees its data: references need only its number. */
function writeAndForget(object: Reference): void {
  object.end();
  object.data = null;
}
