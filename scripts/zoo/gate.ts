// The gate: hunts once per bug and seed, first for the bugs of the headline, and prints a row for each as it comes and the figures of each
// part. Invariant: only hunts decide, those of the headline if there are any; what was cut short by a stop does not pass.
import type { Bug } from './bug.ts';
import { measureDifficulties } from './difficulty.ts';
import type { Hunt, HuntOptions } from './hunt.ts';
import { figuresLine, huntRow, printedText } from './hunt-report.ts';
import { huntAll, type HuntTarget } from './hunt-queue.ts';
import { isHeadline, standingLine, standingText, type Difficulty, type Standing } from './standing.ts';
import { startSeed } from './tabulation.ts';
import { isHeld } from './trial.ts';

const SHARE_FOUND = 0.95;

/** How to hunt, and where to print. */
export interface GatePlan extends Pick<HuntOptions, 'strategy' | 'timeMs'> {
  readonly executions: number;
  /** Prints failures as a terminal shows them, in place of rows. */
  readonly explains: boolean;
  /** Prints objects, in place of rows. */
  readonly json: boolean;
  /** A row, an object or the text of a failure. */
  readonly onRow: (text: string) => void;
  /** The figures of what was hunted so far. */
  readonly onFigures: (line: string) => void;
}

/** A bug, or what has none. */
type RankedTarget = HuntTarget & Partial<Standing>;

/** A bug and how hard it is to find. */
type MeasuredBug = Bug & HuntTarget & { readonly difficulty: Difficulty };

function rowText(
  { id, title, scenario, difficulty, knows }: RankedTarget,
  hunt: Hunt,
  plan: GatePlan,
): string {
  if (plan.json) return JSON.stringify({ id, title, scenario, difficulty, knows, ...hunt });
  if (hunt.printed !== undefined) return printedText(id, hunt, difficulty === undefined);
  if (difficulty === undefined) return huntRow({ id, title }, hunt, true);
  return huntRow({ id, title, standing: standingText({ difficulty, knows }) }, hunt, false);
}

/** Hunts once for each of them. */
async function huntOnce(
  targets: readonly RankedTarget[],
  plan: GatePlan,
  seed: string,
  signal: AbortSignal,
): Promise<Hunt[]> {
  const { strategy, timeMs, executions, explains } = plan;
  const hunts: Hunt[] = [];
  await huntAll(
    targets.map((target) => {
      const bugSeed = startSeed(target.id, seed);
      return { target, plan: { strategy, timeMs, executions, explains, shrinks: true, seed: bugSeed } };
    }),
    signal,
    ({ target }, hunt) => {
      hunts.push(hunt);
      plan.onRow(rowText(target, hunt, plan));
    },
  );
  return hunts;
}

/** Explores what has no bug: true if each was explored, and nothing found. */
export async function healthyGate(
  targets: readonly HuntTarget[],
  plan: GatePlan,
  seed: string,
  signal: AbortSignal,
): Promise<boolean> {
  const hunts = await huntOnce(targets, plan, seed, signal);
  plan.onFigures(figuresLine(hunts, targets.length));
  return hunts.length === targets.length && hunts.every(isHeld);
}

/** Measures all, then hunts for all with each seed: true if each finds enough of the headline, or of all if nothing is in it. */
export async function gate(
  mutants: readonly (Bug & HuntTarget)[],
  plan: GatePlan,
  seeds: readonly string[],
  signal: AbortSignal,
): Promise<boolean> {
  const difficulties = await measureDifficulties(mutants, signal);
  const measured = mutants.flatMap((mutant): MeasuredBug[] => {
    const difficulty = difficulties.get(mutant.id);
    return difficulty === undefined ? [] : [{ ...mutant, difficulty }];
  });
  let passes = measured.length === mutants.length;
  for (const seed of seeds) {
    if (seeds.length > 1) plan.onFigures(`seed ${seed}`);
    if (!(await passesWith(seed, measured, plan, signal))) passes = false;
  }
  return passes;
}

async function passesWith(
  seed: string,
  measured: readonly MeasuredBug[],
  plan: GatePlan,
  signal: AbortSignal,
): Promise<boolean> {
  const headline = measured.filter(isHeadline);
  const others = measured.filter((mutant) => !isHeadline(mutant));
  const parts = [
    { name: 'headline', targets: headline },
    { name: standingLine(others), targets: others },
  ].filter(({ targets }) => targets.length > 0);
  const shares: number[] = [];
  for (const { name, targets } of parts) {
    const hunts = await huntOnce(targets, plan, seed, signal);
    plan.onFigures(`${name}: ${figuresLine(hunts, targets.length)}`);
    shares.push(hunts.filter(({ found }) => found).length / targets.length);
  }
  return (shares[0] ?? 0) >= SHARE_FOUND;
}
