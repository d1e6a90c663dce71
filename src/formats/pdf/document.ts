import PDFDocument from 'pdfkit';

/** What PDFKit keeps of an object that it has written out: its number, for others to refer to it. */
interface Reference {
  data: unknown;
  toString: () => string;
}

interface ParentTree {
  get: (key: number) => readonly Reference[];
  add: (key: number, value: unknown) => void;
}

/** What the class has beside what its types say (PDFKit 0.20). */
interface Inside {
  _root: object;
  _offset: number;
  page: { readonly structParentTreeKey: number };
  _fontFamilies: Readonly<Record<string, { layoutCache?: object }>>;
  getStructParentTree: () => ParentTree;
}

/** A picture that a document has read, to be put on any number of its pages. */
export interface OpenedImage {
  readonly width: number;
  readonly height: number;
}

/** Bytes that are handed on at a time. */
const chunkSize = 64 * 1024;

/**
 * PDFKit's document for thousands of pages. It hands its bytes on in large pieces, where PDFKit
 * makes a buffer of every line, and lets go of the structure of a page once the page is done.
 */
export class StreamedDocument extends PDFDocument {
  // Only declared: the constructor of PDFKit writes already, and a value here would come after it.
  declare private chunk: Buffer | undefined;
  declare private filled: number;
  declare openImage: (source: Buffer) => OpenedImage;

  /** PDFKit calls this for everything it writes: text as Latin-1 and a line, or bytes. */
  _write(data: string | Uint8Array): void {
    const bytes = typeof data === 'string' ? Buffer.from(`${data}\n`, 'latin1') : data;
    this.inside._offset += bytes.length;
    if (this.chunk !== undefined && this.filled + bytes.length > chunkSize) this.handOn();
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

  /** Hands on what has been written so far. */
  handOn(): void {
    if (this.chunk === undefined) return;
    super.push(this.chunk.subarray(0, this.filled));
    this.chunk = undefined;
  }

  override push(data: Buffer | null): boolean {
    if (data === null) this.handOn();
    return super.push(data);
  }

  /** The current page's place in the structure of the document. */
  get structureKey(): number {
    return this.inside.page.structParentTreeKey;
  }

  /**
   * Replaces what is kept of a page's structure, once all of it has been written out, by the line
   * that it is written as in the end: an object for each of a million elements would fill the memory.
   */
  forgetStructure(structureKey: number): void {
    const tree = this.inside.getStructParentTree();
    const parents = tree.get(structureKey);
    const line = `[${parents.join(' ')}]`;
    for (const parent of parents) parent.data = null;
    // PDFKit writes whatever is one of its references as the text that it gives of itself.
    const written = Object.create(Object.getPrototypeOf(this.inside._root) as object) as object;
    tree.add(structureKey, Object.assign(written, { toString: () => line }));
  }

  /** Forgets how words were set. PDFKit keeps that of every word, and each sheet has some of its own. */
  forgetWords(): void {
    for (const font of Object.values(this.inside._fontFamilies)) {
      if (font.layoutCache !== undefined) font.layoutCache = Object.create(null) as object;
    }
  }

  private get inside(): Inside {
    return this as unknown as Inside;
  }
}
