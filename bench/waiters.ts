/**
 * What a status write costs in a store where 100,000 wait for something else, on runs of their own and on all runs, beside the same
 * write in a store where nobody does. Invariant: both stores see the same writes.
 */
import type { StatusStore } from '../src/store/status-store.ts';
import { loadBuilt } from './built.ts';
import type { Figure } from './figure.ts';
import { interleave, median } from './measure.ts';

const WAITERS = 100_000;
const WRITES = 20_000;
const BUSY_RUNS = 1000;
/** Twice is far from 100,000 times, and far from the noise of a busy machine. */
const RATIO_MAX = 2;

type Built = Awaited<ReturnType<typeof loadBuilt>>;
type Matching = 'none' | 'one';

interface Prepared {
  readonly store: StatusStore;
  readonly runIds: readonly string[];
}

function prepare(built: Built, waiters: number, matching: Matching): Prepared {
  const { createStatusStore, createVirtualClock, maskForState, waitForever } = built;
  const store = createStatusStore({ clock: createVirtualClock() });
  const failed = maskForState('FAILED');
  const others = Array.from({ length: BUSY_RUNS }, () => store.newRun().runId);
  for (let i = 0; i < waiters; i++) {
    const query =
      i % 2 === 0
        ? { allRuns: true, states: failed }
        : { runs: [others[i % BUSY_RUNS] as string], states: failed };
    // Nobody is ever met; at the end they are garbage together with their store.
    void store.query(query, waitForever());
  }
  const runIds = Array.from({ length: WRITES }, () => store.newRun().runId);
  if (matching === 'one') {
    for (const runId of runIds) {
      void store.query({ runs: [runId], states: maskForState('RUNNING') }, waitForever());
    }
  }
  return { store, runIds };
}

async function measureMatching(built: Built, matching: Matching, rounds: number): Promise<Figure> {
  const { runningStatus } = built;
  const ratios: number[] = [];
  const visits: number[] = [];
  const perWrite: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const write = ({ store, runIds }: Prepared): void => {
      for (const runId of runIds) store.update(runningStatus(runId, 'out', 'err'));
    };
    const crowded = prepare(built, WAITERS, matching);
    const empty = prepare(built, 0, matching);
    const costs = await interleave({ crowded: () => write(crowded), empty: () => write(empty) }, 1);
    const crowdedMs = costs.crowded[0]?.cpuMs ?? NaN;
    visits.push(crowded.store.waitersVisited / WRITES);
    // The first round warms up.
    if (round === 0) continue;
    ratios.push(crowdedMs / (costs.empty[0]?.cpuMs ?? NaN));
    perWrite.push((crowdedMs * 1000) / WRITES);
  }
  return {
    name: `write that ${matching === 'none' ? 'nobody' : 'one'} of ${WAITERS} waits for`,
    value: median(ratios),
    unit: '×',
    goal: RATIO_MAX,
    goalIs: 'most',
    by: 'CPU time',
    peer: matching === 'none' ? 'a store without waiters' : 'a store with that waiter alone',
    note: `${WRITES} writes; half of the waiters wait on all runs, half on ${BUSY_RUNS} others`,
    more: { microsecondsPerWrite: median(perWrite), waitersVisitedPerWrite: Math.max(...visits) },
  };
}

/** A write that wakes nobody, and one that wakes one. */
export async function measureWaiters(rounds: number): Promise<Figure[]> {
  const built = await loadBuilt();
  return [await measureMatching(built, 'none', rounds), await measureMatching(built, 'one', rounds)];
}
