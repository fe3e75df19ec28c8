/** The outcomes of the values of choices as lines, one per outcome. */
import { counted } from '../../model/plural.ts';
import type { ValueOutcomes } from './value-outcomes.ts';

const LINE_LENGTH_MAX = 110;

/**
 * The lines of all choices; none without one:
 *
 * ```text
 * With one value changed at a time, and all else as it is:
 *   "client 0 asks"
 *     fails: at 15, 25 and 35 ms
 *     holds: at 5 ms
 * ```
 */
export function outcomeLines(all: readonly ValueOutcomes[]): string[] {
  if (all.length === 0) return [];
  return ['With one value changed at a time, and all else as it is:', ...all.flatMap(linesOf)];
}

function linesOf({ what, fails, failsOtherwise, holds, untried }: ValueOutcomes): string[] {
  const rest = untried === 0 ? [] : [`    not tried: ${counted(untried, 'value')}`];
  return [
    `  ${what}`,
    ...rowsOf('    fails: ', fails),
    ...rowsOf('    fails differently: ', failsOtherwise),
    ...rowsOf('    holds: ', holds),
    ...rest,
  ];
}

/** `at 5, 15 and 25 ms`, below each other where they do not fit in a line. */
function rowsOf(lead: string, values: readonly string[]): string[] {
  if (values.length === 0) return [];
  const { before, middles, after } = withoutRepeats(values);
  const last = middles.length - 1;
  const items = middles.map((middle, at) => (at < last - 1 ? `${middle},` : middle));
  if (last > 0) items[last] = `and ${middles[last]}`;
  items[0] = `${before}${items[0]}`;
  items[last] = `${items[last]}${after}`;
  const rows: string[] = [];
  let row = lead.trimEnd();
  for (const [at, item] of items.entries()) {
    const joined = `${row} ${item}`;
    if (at === 0 || joined.length <= LINE_LENGTH_MAX) {
      row = joined;
    } else {
      rows.push(row);
      row = `${' '.repeat(lead.length)}${item}`;
    }
  }
  return [...rows, row];
}

/** The values without the words that all have before and behind one number: `at 5 ms` and `at 15 ms` are `5` and `15`. */
function withoutRepeats(values: readonly string[]): {
  readonly before: string;
  readonly middles: readonly string[];
  readonly after: string;
} {
  const parts = values.map((value) => /^(\D*\s|)(\d+(?:\.\d+)?)(\s\D*|)$/.exec(value));
  const [first] = parts;
  const isAlike = parts.every((part) => part?.[1] === first?.[1] && part?.[3] === first?.[3]);
  if (first === null || first === undefined || !isAlike) return { before: '', middles: values, after: '' };
  return { before: first[1] ?? '', middles: parts.map((part) => part?.[2] ?? ''), after: first[3] ?? '' };
}
