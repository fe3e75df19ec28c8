/** Columns for people. */
import { stripVTControlCharacters } from 'node:util';

/** Lines of a table with a head; numbers are aligned to the right. */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => widthOf(row[column] ?? ''))));
  const isNumeric = head.map((_, column) =>
    rows.every((row) => /^[\d.,]+( \w+|×)?$/.test(stripVTControlCharacters(row[column] ?? ''))),
  );
  return all.map((row) =>
    row
      .map((cell, column) => pad(cell, widths[column] ?? 0, isNumeric[column] ?? false))
      .join('  ')
      .trimEnd(),
  );
}

function widthOf(cell: string): number {
  return stripVTControlCharacters(cell).length;
}

function pad(cell: string, width: number, isNumeric: boolean): string {
  const space = ' '.repeat(Math.max(0, width - widthOf(cell)));
  return isNumeric ? space + cell : cell + space;
}
