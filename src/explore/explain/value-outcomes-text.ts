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
 *     at 35 ms fails with: Expected RUNNER_BROKEN, got RUNNER_UNHEALTHY.
 * ```
 */
export function outcomeLines(all: readonly ValueOutcomes[]): string[] {
  if (all.length === 0) return [];
  return ['With one value changed at a time, and all else as it is:', ...all.flatMap(linesOf)];
}

function linesOf({ what, fails, failsOtherwise, holds, examples, untried }: ValueOutcomes): string[] {
  const rest = untried === 0 ? [] : [`    not tried: ${counted(untried, 'value')}`];
  return [
    `  ${what}`,
    ...rowsOf('    fails: ', fails),
    ...rowsOf('    fails differently: ', failsOtherwise),
    ...rowsOf('    holds: ', holds),
    ...examples.map(({ value, text }) => `    ${value} fails with: ${text}`),
    ...rest,
  ];
}

/** `never; at 5, 15 and 25 ms`, below each other where they do not fit in a line. */
function rowsOf(lead: string, values: readonly string[]): string[] {
  if (values.length === 0) return [];
  const rows: string[] = [];
  let row = lead.trimEnd();
  for (const [at, item] of itemsOf(values).entries()) {
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

/** A number with the words around it, or another text without a number. */
interface Value {
  readonly before: string;
  readonly middle: string;
  readonly after: string;
  readonly isNumber: boolean;
}

/** What is printed of each value, with what separates it from the next one. */
function itemsOf(values: readonly string[]): string[] {
  const series = seriesOf(values.map(partsOf));
  if (series.length === values.length) return listed(values);
  return series.flatMap((numbers, at) => {
    const last = numbers.length - 1;
    const end = at === series.length - 1 ? '' : ';';
    const texts = numbers.map(
      ({ before, middle, after }, place) =>
        `${place === 0 ? before : ''}${middle}${place === last ? `${after}${end}` : ''}`,
    );
    return listed(texts);
  });
}

/** Neighbours that differ in their number only, together. */
function seriesOf(values: readonly Value[]): Value[][] {
  const series: Value[][] = [];
  for (const value of values) {
    const last = series.at(-1);
    if (last?.[0] !== undefined && isAlike(last[0], value)) last.push(value);
    else series.push([value]);
  }
  return series;
}

/** `a,`, `b`, `and c`. */
function listed(texts: readonly string[]): string[] {
  const last = texts.length - 1;
  return texts.map((text, at) => (at === last && at > 0 ? `and ${text}` : at < last - 1 ? `${text},` : text));
}

/** The words that may be said once for several numbers are apart from the number, as in `at 5 ms`. */
function partsOf(value: string): Value {
  const [, before = '', number, after = ''] = /^(\D*\s|)(\d+(?:\.\d+)?)(\s\D*|)$/.exec(value) ?? [];
  return number === undefined
    ? { before: '', middle: value, after: '', isNumber: false }
    : { before, middle: number, after, isNumber: true };
}

function isAlike(one: Value, other: Value): boolean {
  return one.isNumber && other.isNumber && one.before === other.before && one.after === other.after;
}
