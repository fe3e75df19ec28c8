/**
 * One simulation in the thread of the command. A time limit ends each of its turns, also in the midst of a loop that
 * never ends nor waits: the verdict names the lines of the loop, and Ctrl-C, which gets no turn while it loops, is
 * handled then. Invariants: while a debugger is attached nothing is ended; a turn that merely waited for the processor,
 * as on a busy machine or in a process that was stopped, is no loop.
 */
import { GuardedTurns, type EndedTurn } from '../ambient/guarded-turns.ts';
import { ExecutionInterrupted } from '../kernel/decisions.ts';
import { isStackLine } from '../kernel/stack-line.ts';
import { detailedBy, plainFact } from '../simulation/failure-fact.ts';
import type { SimulateOptions } from '../simulation/simulate-options.ts';
import { simulate } from '../simulation/simulate.ts';
import type { Failure, Verdict } from '../simulation/verdict.ts';
import { hangText, lastDecisionLines, LOOPS_HERE } from '../threads/lost-execution.ts';
import { runAlone } from '../threads/run-alone.ts';
import type { ReplayTask } from '../threads/task.ts';
import { threadLimits } from './explore-options.ts';
import type { Interruption } from './interruption.ts';

/**
 * A turn that got less processor time than its limit may take up to this many times as long, as in a thread that
 * explores.
 */
const BLOCKED_FACTOR = 4;
/** The part of its time in which a loop uses the processor; the engine takes a while to end it. */
const BUSY_PART = 0.8;

/** What ends a simulation early. */
export interface RunGuard {
  /** Ends it between two turns; absent: signals end the process. */
  readonly interruption?: Interruption;
  /** Milliseconds that a turn of the event loop may take. */
  readonly hangMs: number;
  /** The same execution, as a thread finds it: it is run again there, to learn where it loops. */
  readonly again: Pick<ReplayTask, 'scenario' | 'seed' | 'log' | 'maxEvents'>;
  /** Called if a signal has come while a turn did not end: how long that took. */
  readonly onLateSignal?: (durationMs: number) => void;
}

/**
 * Runs it to its verdict, which is a failure of kind `hang` if one of its turns does not end. Once a signal has come,
 * the verdict does not say how it would have ended.
 */
export async function runGuarded(simulation: SimulateOptions, guard: RunGuard): Promise<Verdict> {
  const { hangMs } = guard;
  const first = await runWithin(simulation, guard, hangMs);
  const longerMs = guard.interruption?.requested === true ? undefined : longerTurn(first.endedTurn, hangMs);
  const { verdict, endedTurn } =
    longerMs === undefined ? first : await runWithin(simulation, guard, longerMs);
  if (endedTurn === undefined) return verdict;
  if (guard.interruption?.requested === true) {
    guard.onLateSignal?.(endedTurn.durationMs);
    return verdict;
  }
  return withHang(verdict, endedTurn, await stackOfLoop(guard));
}

/**
 * How long the turn may take in a second run, for it to get as much processor time as it may use; undefined if it got
 * that much.
 */
function longerTurn(endedTurn: EndedTurn | undefined, hangMs: number): number | undefined {
  if (endedTurn === undefined || endedTurn.busyMs >= hangMs * BUSY_PART) return undefined;
  return hangMs * Math.min(BLOCKED_FACTOR, endedTurn.durationMs / endedTurn.busyMs);
}

async function runWithin(
  simulation: SimulateOptions,
  { interruption }: RunGuard,
  turnMs: number,
): Promise<{ readonly verdict: Verdict; readonly endedTurn: EndedTurn | undefined }> {
  const turns = new GuardedTurns({
    turnMs,
    now: () => performance.now(),
    why: 'interrupted',
  });
  const guarded = turns.options;
  const run = (): Promise<Verdict> =>
    runAlone((noteStrays) =>
      simulate({
        ...simulation,
        ...guarded,
        onTurn: () => {
          noteStrays();
          guarded.onTurn();
          if (interruption?.requested === true) throw new ExecutionInterrupted('interrupted');
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

/** The user's lines on the stack of the loop; empty if it does not loop there, or they are not known. */
async function stackOfLoop({ again, hangMs, interruption }: RunGuard): Promise<string> {
  const { lostIn, ifRefused, runInThread } = await import('../threads/thread-supervisor.ts');
  const replay = await runInThread(
    { kind: 'replay', ...again, onGap: 'keyed', explains: false },
    {
      ...threadLimits({ hang: hangMs }),
      ...(interruption === undefined ? {} : { signal: interruption.signal }),
    },
  ).catch(ifRefused(() => undefined));
  const details = (replay && lostIn(replay)?.details) ?? [];
  return details.join('\n').split('\n').filter(isStackLine).join('\n');
}

function withHang(verdict: Verdict, { durationMs }: EndedTurn, stack: string): Verdict {
  const facts = [
    ...lastDecisionLines(verdict.decisions()).map((line) => plainFact(line)),
    ...(stack === '' ? [] : [plainFact(LOOPS_HERE, stack)]),
  ];
  const message = hangText(durationMs);
  const failure: Failure = { kind: 'hang', message, atMs: verdict.virtualMs, ...detailedBy(facts) };
  return { ...verdict, held: false, failure };
}
