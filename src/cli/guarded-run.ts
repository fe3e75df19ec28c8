/**
 * One simulation in the thread of the command. A time limit ends each of its turns, also in the midst of a loop that
 * never ends nor waits: the verdict names the lines of the loop, and Ctrl-C, which gets no turn while it loops, is
 * handled then. Invariants: while a debugger is attached nothing is ended; a turn that merely waited for the processor,
 * as on a busy machine or in a process that was stopped, is no loop.
 */
import { GuardedTurns, type EndedTurn } from '../ambient/guarded-turns.ts';
import { ExecutionInterrupted } from '../kernel/decisions.ts';
import { stackLine } from '../kernel/stack-line.ts';
import { detailedBy, plainFact } from '../simulation/failure-fact.ts';
import type { SimulateOptions } from '../simulation/simulate-options.ts';
import { simulate } from '../simulation/simulate.ts';
import type { Failure, Verdict } from '../simulation/verdict.ts';
import { hangText, lastDecisionLines } from '../threads/lost-execution.ts';
import { runAlone } from '../threads/run-alone.ts';
import type { Interruption } from './interruption.ts';

/**
 * A turn that got less processor time than its limit may take up to this many times as long, as in a thread that
 * explores.
 */
const BLOCKED_FACTOR = 4;
/** The part of its time in which a loop uses the processor; the engine takes a while to end it. */
const BUSY_PART = 0.8;
/** A loop is looked at for this long; once more, and longer, if the first look saw no line, as on a busy machine. */
const LOOKS_MS = [500, 2_000] as const;
/** To come to it again, with the profiler on, takes up to this many times as long as at first, or a second. */
const AGAIN_FACTOR = 4;
const AGAIN_MS_LEAST = 1_000;

/** What ends a simulation early. */
export interface RunGuard {
  /** Ends it between two turns; absent: signals end the process. */
  readonly interruption?: Interruption;
  /** Milliseconds that a turn of the event loop may take. */
  readonly hangMs: number;
  /** Called if a signal has come while a turn did not end: how long that took. */
  readonly onLateSignal?: (durationMs: number) => void;
}

/**
 * Runs it to its verdict, which is a failure of kind `hang` if one of its turns does not end. Once a signal has come,
 * the verdict does not say how it would have ended.
 */
export async function runGuarded(simulation: SimulateOptions, guard: RunGuard): Promise<Verdict> {
  const { hangMs } = guard;
  const startedAt = performance.now();
  const first = await runWithin(simulation, guard, { turnMs: hangMs });
  const longerMs = guard.interruption?.requested === true ? undefined : longerTurn(first.endedTurn, hangMs);
  const { verdict, endedTurn } =
    longerMs === undefined ? first : await runWithin(simulation, guard, { turnMs: longerMs });
  if (endedTurn === undefined) return verdict;
  if (guard.interruption?.requested === true) {
    guard.onLateSignal?.(endedTurn.durationMs);
    return verdict;
  }
  const reachedAfterMs = performance.now() - startedAt - endedTurn.durationMs;
  return withHang(verdict, endedTurn, await linesOfLoop(simulation, guard, endedTurn, reachedAfterMs));
}

/**
 * How long the turn may take in a second run, for it to get as much processor time as it may use; undefined if it got
 * that much.
 */
function longerTurn(endedTurn: EndedTurn | undefined, hangMs: number): number | undefined {
  if (endedTurn === undefined || endedTurn.busyMs >= hangMs * BUSY_PART) return undefined;
  return hangMs * Math.min(BLOCKED_FACTOR, endedTurn.durationMs / endedTurn.busyMs);
}

interface Limits {
  readonly turnMs: number;
  readonly timeMs?: number;
  /** Called at the beginning of each turn with its number, from 1. */
  readonly onTurn?: (number: number) => void;
}

async function runWithin(
  simulation: SimulateOptions,
  { interruption }: RunGuard,
  { onTurn, ...limits }: Limits,
): Promise<{ readonly verdict: Verdict; readonly endedTurn: EndedTurn | undefined }> {
  const turns = new GuardedTurns({
    ...limits,
    now: () => performance.now(),
    why: 'interrupted',
  });
  const guarded = turns.options;
  let number = 0;
  const run = (): Promise<Verdict> =>
    runAlone((noteStrays) =>
      simulate({
        ...simulation,
        ...guarded,
        onTurn: () => {
          noteStrays();
          guarded.onTurn();
          if (interruption?.requested === true) throw new ExecutionInterrupted('interrupted');
          number += 1;
          onTurn?.(number);
        },
      }),
    );
  try {
    const verdict = await (interruption === undefined ? run() : interruption.alongsideForeignCode(run));
    return { verdict, endedTurn: turns.endedTurn };
  } finally {
    turns.end();
  }
}

/** Lines in which it loops, as in a stack, the most frequent first; none if it does not loop again. */
async function linesOfLoop(
  simulation: SimulateOptions,
  guard: RunGuard,
  { turns, frames }: EndedTurn,
  reachedAfterMs: number,
): Promise<readonly string[]> {
  const { linesOfStack, loopingLines } = await import('../ambient/looping-line.ts');
  if (frames !== undefined) return linesOfStack(frames);
  const reachedAfterMsMax = Math.max(AGAIN_MS_LEAST, reachedAfterMs * AGAIN_FACTOR);
  for (const lookMs of LOOKS_MS) {
    if (guard.interruption?.requested === true) break;
    const lines = await loopingLines(async (beginToLook) => {
      const { endedTurn } = await runWithin(simulation, guard, {
        ...{ turnMs: lookMs, timeMs: reachedAfterMsMax + lookMs },
        onTurn: (number) => {
          if (number === turns) beginToLook();
        },
      });
      return endedTurn !== undefined;
    });
    if (lines === undefined || lines.length > 0) return lines ?? [];
  }
  return [];
}

function withHang(verdict: Verdict, { durationMs }: EndedTurn, lines: readonly string[]): Verdict {
  const stack = lines.map(stackLine).join('\n');
  const facts = [
    ...lastDecisionLines(verdict.decisions()).map((line) => plainFact(line)),
    ...(lines.length === 0 ? [] : [plainFact('it loops here', stack)]),
  ];
  const message = hangText(durationMs);
  const failure: Failure = { kind: 'hang', message, atMs: verdict.virtualMs, ...detailedBy(facts) };
  return { ...verdict, held: false, failure };
}
