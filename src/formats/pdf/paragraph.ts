import type { RichText } from '../../texts/rich-text';
import type { Face, Fonts, Run } from './fonts';

/** A line of a paragraph, laid out: its runs beside each other. */
export interface Line {
  readonly runs: readonly Run[];
}

const faceOf = { plain: 'sans', strong: 'bold', value: 'mono' } as const;

/** A piece of a line that is not broken where it fits whole. */
interface Word {
  readonly text: string;
  readonly face: Face;
  /** In units of the size. */
  readonly width: number;
  /** Whether a space may stand before it, where a line may end. */
  readonly spaceBefore: boolean;
}

/** Breaks a text into lines of at most `width` points at `size` points. */
export function breakLines(text: RichText, size: number, width: number, fonts: Fonts): Line[] {
  const room = width / size;
  const space = fonts.width(' ', 'sans');
  const lines: Word[][] = [];
  let line: Word[] = [];
  let filled = 0;
  for (const group of unbreakable(wordsOf(text, fonts))) {
    const groupWidth = group.reduce((sum, word) => sum + word.width, 0);
    const gap = line.length > 0 && group[0]?.spaceBefore === true ? space : 0;
    if (line.length > 0 && filled + gap + groupWidth > room) {
      lines.push(line);
      line = [];
      filled = 0;
    }
    if (groupWidth > room) {
      for (const part of group.flatMap((word) => cut(word, room, fonts))) {
        if (line.length > 0 && filled + part.width > room) {
          lines.push(line);
          line = [];
          filled = 0;
        }
        line.push(part);
        filled += part.width;
      }
    } else {
      filled += (line.length > 0 ? gap : 0) + groupWidth;
      line.push(...group);
    }
  }
  if (line.length > 0) lines.push(line);
  return lines.map((words) => ({ runs: runsOf(words, fonts) }));
}

function wordsOf(text: RichText, fonts: Fonts): Word[] {
  const words: Word[] = [];
  let spaceBefore = false;
  for (const { text: piece, style } of text) {
    const face = faceOf[style];
    for (const part of piece.split(/([ \n]+)/)) {
      if (part === '') continue;
      if (/^[ \n]+$/.test(part)) {
        spaceBefore = true;
        continue;
      }
      words.push({ text: part, face, width: fonts.width(part, face), spaceBefore });
      spaceBefore = false;
    }
  }
  return words;
}

/** Words with no space between them stay together: "(" and a value, a value and a comma. */
function unbreakable(words: readonly Word[]): Word[][] {
  const groups: Word[][] = [];
  for (const word of words) {
    const last = groups.at(-1);
    if (last !== undefined && !word.spaceBefore) last.push(word);
    else groups.push([word]);
  }
  return groups;
}

/**
 * A word that no line can hold, in pieces that one can. They end behind a dot or an @ where they have one: behind a
 * hyphen or within a part of a host, a reader could not tell whether a hyphen belongs to it.
 */
function cut(word: Word, room: number, fonts: Fonts): Word[] {
  const pieces: Word[] = [];
  let text = '';
  const push = (end: number) => {
    const piece = text.slice(0, end);
    const first = pieces.length === 0;
    const width = fonts.width(piece, word.face);
    pieces.push({ text: piece, face: word.face, width, spaceBefore: first && word.spaceBefore });
    text = text.slice(end);
  };
  for (const character of word.text) {
    if (text !== '' && fonts.width(text + character, word.face) > room) {
      push(Math.max(text.lastIndexOf('.'), text.lastIndexOf('@')) + 1 || text.length);
    }
    text += character;
  }
  if (text !== '') push(text.length);
  return pieces;
}

/** Neighbours in one face are one text, so that a reader who copies a line gets its spaces. */
function runsOf(words: readonly Word[], fonts: Fonts): Run[] {
  const pieces: { text: string; face: Face }[] = [];
  for (const [index, { text, face, spaceBefore }] of words.entries()) {
    const last = pieces.at(-1);
    const space = index > 0 && spaceBefore;
    if (last?.face === face) {
      last.text += (space ? ' ' : '') + text;
    } else {
      // The space is one between words, not the wide one of the face for typing off.
      const leads = space && last?.face === 'mono';
      if (last !== undefined && space && !leads) last.text += ' ';
      pieces.push({ text: leads ? ` ${text}` : text, face });
    }
  }
  return pieces.flatMap(({ text, face }) => fonts.runs(text, face));
}
