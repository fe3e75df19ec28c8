// What the matrix says at its end.
import type { ConsumerResult } from './consumers.ts';
import type { Engine } from './engines.ts';

/** One suite on one Node. */
export interface SuiteResult {
  readonly node: number;
  readonly vitest: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  /** Titles of what failed. */
  readonly failures: readonly string[];
}

/** All scenarios on one Node. */
export interface HashResult {
  readonly node: number;
  readonly simulations: number;
  /** Against the first Node. */
  readonly differing: readonly string[];
}

/** One figure of the benchmark, by major of Node. */
export interface FigureRow {
  readonly name: string;
  readonly unit: string;
  readonly moreIsBetter: boolean;
  readonly values: ReadonlyMap<number, number>;
}

/** All of it. */
export interface MatrixReport {
  readonly engines: readonly Engine[];
  readonly hashes: readonly HashResult[];
  readonly suites: readonly SuiteResult[];
  readonly consumers: readonly ConsumerResult[];
  readonly figures: readonly FigureRow[];
}

/** A figure may be that much worse than on the first Node before it needs a cause. */
const WORSE_MAX = 0.15;

/** How good a figure is beside that of the first Node: 1 is the same, 0.5 half as good. */
function ratioOf({ moreIsBetter, values }: FigureRow, first: number, node: number): number {
  const [mine = NaN, peer = NaN] = [values.get(node), values.get(first)];
  return moreIsBetter ? mine / peer : peer / mine;
}

/** `NAME on Node MAJOR` of each figure that is worse by more than 15 %. */
export function worseFigures(figures: readonly FigureRow[], first: number): string[] {
  return figures.flatMap((row) =>
    [...row.values.keys()]
      .filter((node) => ratioOf(row, first, node) < 1 - WORSE_MAX)
      .map((node) => `${row.name} on Node ${node}`),
  );
}

/** True if nothing failed. A slow figure is no failure: a busy machine proves nothing. */
export function isGreen({ hashes, suites, consumers }: MatrixReport): boolean {
  return (
    hashes.every(({ differing, simulations }) => differing.length === 0 && simulations > 0) &&
    suites.every(({ failed, passed }) => failed === 0 && passed > 0) &&
    consumers.every(({ ok }) => ok)
  );
}

/** For people. */
export function reportText(report: MatrixReport): string {
  const { engines, hashes, suites, consumers, figures } = report;
  const first = engines[0]?.major ?? NaN;
  return [
    `Node ${engines.map(({ version }) => version).join(', ')}`,
    ...hashes.map(
      ({ node, simulations, differing }) =>
        `hashes    Node ${node}: ${simulations} simulations, ${differing.length} differ from Node ${first}${listed(differing)}`,
    ),
    ...suites.map(suiteText),
    ...consumers.map(({ name, ok, note }) => `${ok ? 'package  ' : 'PACKAGE  '} ${name}: ${note}`),
    ...figures.map((row) => figureText(row, first)),
    ...worseFigures(figures, first).map((name) => `SLOWER    ${name}: by more than ${WORSE_MAX * 100} %`),
  ].join('\n');
}

/** One line, and a line for each failure. */
export function suiteText({ node, vitest, passed, failed, skipped, seconds, failures }: SuiteResult): string {
  return `suite     Node ${node}, Vitest ${vitest}: ${passed} passed, ${failed} failed, ${skipped} skipped, ${seconds} s${listed(failures)}`;
}

function figureText(row: FigureRow, first: number): string {
  const shown = [...row.values].map(([node, value]) => {
    const number = Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
    return `${node}: ${number}${node === first ? '' : ` (×${ratioOf(row, first, node).toFixed(2)})`}`;
  });
  return `figure    ${row.name}, ${row.unit}: ${shown.join(', ')}`;
}

function listed(titles: readonly string[]): string {
  return titles
    .slice(0, 20)
    .map((title) => `\n            ${title}`)
    .join('');
}
