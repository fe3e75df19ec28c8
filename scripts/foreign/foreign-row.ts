// What was seen of one promise of a package, and whether that is in order. Invariant: whatever finds a failure, be it random seeds, the
// portfolio or fast-check, the promise is broken; a judgement excuses the failures that it is about and no others.
import type { Judged } from '../../sims/foreign/promised.ts';

/** What was seen of one promise. */
export interface Row {
  readonly package: string;
  readonly version: string;
  readonly promise: string;
  readonly says: string;
  readonly seeds: number;
  /** Of the random seeds. */
  readonly failures: number;
  /** Their messages with how often each came, the most frequent first. */
  readonly messages: readonly (readonly [message: string, count: number])[];
  /** What the portfolio and fast-check found. */
  readonly alsoFound: readonly string[];
  /** Executions to the first failure; undefined if there was none. */
  readonly random: number | undefined;
  readonly portfolio: number | undefined;
  readonly fastCheck: number | undefined;
  /** Seeds whose second run differed. */
  readonly differing: number;
  readonly escapes: readonly string[];
  /** What Node warned of meanwhile, such as a timer of infinite length. */
  readonly warnings: readonly string[];
  readonly seedsPerSecond: number;
  readonly judged: Judged | undefined;
}

/** True if anything found a failure. */
export function isBroken({ random, portfolio, fastCheck }: Row): boolean {
  return (random ?? portfolio ?? fastCheck) !== undefined;
}

/** The messages that no judgement is about. */
function unjudged({ messages, alsoFound, judged }: Row): string[] {
  return [...messages.map(([message]) => message), ...alsoFound].filter(
    (message) => judged?.of.test(message) !== true,
  );
}

/** The last column: the judgement, and whether it still fits. */
export function verdictOn(row: Row): string {
  const { judged } = row;
  if (!isBroken(row)) return judged === undefined ? '' : `${judged.judgement}, and held`;
  if (judged === undefined) return 'not judged';
  return unjudged(row).length === 0 ? judged.judgement : `${judged.judgement}, and not judged`;
}

/** True unless a hash differs, something escapes, or, if that may not be, something fails that is not judged. */
export function isGood(row: Row, mayFail: boolean): boolean {
  if (row.differing > 0 || row.escapes.length > 0) return false;
  return mayFail || !isBroken(row) || unjudged(row).length === 0;
}

/** The figures of all, with the promises that are judged and have held. */
export function summary(rows: readonly Row[]): string {
  const packages = new Set(rows.map((row) => row.package));
  const failing = rows.filter(isBroken);
  const broken = new Set(failing.map((row) => row.package));
  const executions = rows.reduce((sum, { seeds }) => sum + seeds, 0);
  const differing = rows.reduce((sum, row) => sum + row.differing, 0);
  const escapes = rows.reduce((sum, row) => sum + row.escapes.length, 0);
  const held = rows.filter((row) => row.judged !== undefined && !isBroken(row)).map(({ promise }) => promise);
  return (
    `${packages.size} packages, ${rows.length} promises, ${executions} seeds run twice: ${differing} hashes differ, ${escapes} escapes; ` +
    `${failing.length} promises of ${broken.size} packages fail${
      held.length === 0 ? '' : `; judged, and held: ${held.join(', ')}`
    }`
  );
}
