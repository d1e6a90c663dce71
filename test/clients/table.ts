import { stripVTControlCharacters } from 'node:util';
import type { Cell, Expected } from './attempt';

/** A row of a client's table. */
export interface Row {
  readonly head: string;
  readonly cells: readonly Cell[];
}

/** Prints the table of a client. */
export function printTable(head: string, columns: readonly string[], rows: readonly Row[]): void {
  const first = Math.max(...rows.map((row) => row.head.length), head.length);
  const width = (column: string) => Math.max(column.length, 'not checked'.length);
  const line = (head: string, cells: readonly string[]) =>
    [head.padEnd(first), ...cells.map((cell, index) => cell.padEnd(width(columns[index] ?? '')))]
      .join('  ')
      .trimEnd();
  console.log(`\n${line(head, columns)}`);
  for (const { head, cells } of rows)
    console.log(
      line(
        head,
        cells.map(({ mark }) => mark),
      ),
    );
}

/** What the client says in the rows of that kind, each sentence once: the lines about it, without its home. */
export function words(rows: readonly Row[], kind: Expected, about: RegExp): string[] {
  const said = rows
    .flatMap(({ cells }) => cells)
    .filter(({ expected }) => expected === kind)
    .flatMap((cell) =>
      stripVTControlCharacters(cell.said.replaceAll('\x1b', '\n\x1b')).split(/[\r\n]/),
    );
  const lines = said.filter((line) => about.test(line)).map((line) => line.trim());
  return [...new Set(lines)].slice(0, 6);
}
