/**
 * Tables for people. Invariants: if a width is given, a line is longer only if the first column alone does not fit; a
 * number is shown whole or not at all.
 */
import { onOneLine } from '../kernel/one-line.ts';
import { cutToWidth, widthOf } from '../kernel/text-width.ts';
import { isStyled, withoutStyles } from './styled-text.ts';

/** How a table is fitted into a terminal. */
export interface TextTableOptions {
  /** Maximum width of a line; undefined for no limit. */
  readonly columns?: number | undefined;
  /** Heads of the columns that may be left out if there is no room, in the order in which they are left out. */
  readonly dispensable?: readonly string[];
}

type Row = readonly string[];

const GAP = 2;
const CUT_WIDTH = 8;
const NUMBER = /^[\d.,]+([ \u00a0]\w+|×)?$/;
/** Marks a space in a cell at which the text must not be broken. */
export const NO_BREAK = '\u00a0';

/**
 * Lines of a table with a head; numbers are aligned to the right. To make a table fit, cells are first broken between
 * words, then the dispensable columns are left out, then texts are cut, and finally columns are left out from the
 * right.
 */
export function textTable(head: Row, rows: readonly Row[], options: TextTableOptions = {}): string[] {
  const { columns = Infinity, dispensable = [] } = options;
  // Without a head, the note could not name the column.
  const others = head.slice(1).filter((name) => name !== '' && !dispensable.includes(name));
  const left: string[] = [];
  for (const next of [...dispensable, ...others.reverse(), undefined]) {
    const kept = head.map((name, index) => ({ name, index })).filter(({ name }) => !left.includes(name));
    const pick = (row: Row): string[] => kept.map(({ index }) => onOneLine(row[index] ?? ''));
    const all = [pick(head), ...rows.map(pick)];
    const whole = fitted(all, columns);
    const widths = left.length < dispensable.length ? whole : cutTo(all, whole, columns);
    if (totalOf(widths) > columns && next !== undefined) {
      left.push(next);
      continue;
    }
    const note = left.length === 0 ? [] : wrapped(`(no room for: ${left.join(', ')})`, columns);
    return [...drawn(all, widths), ...note];
  }
  return [];
}

function totalOf(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 0) + GAP * (widths.length - 1);
}

/** Widths at which words stay whole: the widths of the cells, reduced where the widest columns can give way. */
function fitted(all: readonly Row[], columns: number): number[] {
  return narrowed(widest(all, widthOfCell), widest(all, longestWord), columns);
}

function widest(all: readonly Row[], of: (cell: string) => number): number[] {
  const count = all[0]?.length ?? 0;
  return Array.from({ length: count }, (_, column) => Math.max(...all.map((row) => of(row[column] ?? ''))));
}

/** Reduces the widest columns, each to no less than its `least`. */
function narrowed(widths: readonly number[], least: readonly number[], columns: number): number[] {
  const result = [...widths];
  for (let excess = totalOf(result) - columns; excess > 0; excess--) {
    const room = result.map((width, column) => (width > (least[column] ?? 0) ? width : 0));
    const most = Math.max(...room);
    if (most === 0) break;
    const column = room.indexOf(most);
    result[column] = most - 1;
  }
  return result;
}

function cutTo(all: readonly Row[], widths: readonly number[], columns: number): number[] {
  return narrowed(widths, widest(all, leastOf), columns);
}

function drawn(all: readonly Row[], widths: readonly number[]): string[] {
  const isNumeric = widths.map((_, column) =>
    all.slice(1).every((row) => NUMBER.test(withoutStyles(row[column] ?? ''))),
  );
  return all.flatMap((row) => {
    const cells = row.map((cell, column) => wrapped(cell, widths[column] ?? 0));
    const height = Math.max(...cells.map((lines) => lines.length));
    return Array.from({ length: height }, (_, line) =>
      cells
        .map((lines, column) => pad(lines[line] ?? '', widths[column] ?? 0, isNumeric[column] ?? false))
        .join(' '.repeat(GAP))
        .replaceAll(NO_BREAK, ' ')
        .trimEnd(),
    );
  });
}

/** Lines of at most this width; a longer word is cut. */
function wrapped(cell: string, width: number): string[] {
  if (widthOfCell(cell) <= width || isStyled(cell)) return [cell];
  const lines: string[] = [];
  for (const word of cell.split(' ').map((whole) => cut(whole, width))) {
    const last = lines.at(-1);
    if (last !== undefined && widthOf(last) + 1 + widthOf(word) <= width) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}

function cut(word: string, width: number): string {
  return widthOf(word) <= width ? word : `${cutToWidth(word, width - 1)}…`;
}

/** Numbers with their units and coloured cells are never broken. */
function longestWord(cell: string): number {
  return isStyled(cell) || NUMBER.test(cell) ? widthOfCell(cell) : Math.max(...cell.split(' ').map(widthOf));
}

/**
 * The width that a cell needs if its words may be cut. Numbers are kept whole, because a part of a number is another
 * number.
 */
function leastOf(cell: string): number {
  if (isStyled(cell)) return widthOfCell(cell);
  const numbers = cell.split(' ').map((word) => Math.min(widthOf(word), startingNumber(word).length + 1));
  return Math.max(Math.min(widthOf(cell), CUT_WIDTH), ...numbers);
}

function startingNumber(word: string): string {
  return /^\d[\d.,]*\u00a0?/.exec(word)?.[0] ?? '';
}

/** How many columns a cell takes. */
function widthOfCell(cell: string): number {
  return widthOf(withoutStyles(cell));
}

function pad(cell: string, width: number, isNumeric: boolean): string {
  const space = ' '.repeat(Math.max(0, width - widthOfCell(cell)));
  return isNumeric ? space + cell : cell + space;
}
