/**
 * What a status write costs in a store where 100,000 wait for something else, on runs of their own and on all runs, beside the same
 * write in a store where nobody does. Invariants: both stores see the same writes, batch by batch in turns; only the writes are timed.
 */
import { createStatusStore, runningStatus, type StatusStore } from '../src/kit/index.ts';
import { createVirtualClock } from '../src/kernel/index.ts';
import { maskForState, waitForever } from '../src/index.ts';
import type { Figure } from './figure.ts';
import { collectGarbage, costOf, median } from './measure.ts';

const WAITERS = 100_000;
const BUSY_RUNS = 1000;
const BATCHES = 200;
const BATCH = 100;
/** Twice is far from 100,000 times, and far from the noise of a busy machine. */
const RATIO_MAX = 2;

type Matching = 'none' | 'one';

function crowd(store: StatusStore): void {
  const failed = maskForState('FAILED');
  const others = Array.from({ length: BUSY_RUNS }, () => store.newRun().runId);
  for (let i = 0; i < WAITERS; i++) {
    const runId = others[i % BUSY_RUNS] as string;
    const query = i % 2 === 0 ? { allRuns: true, states: failed } : { runs: [runId], states: failed };
    // Nobody is ever met; at the end they are garbage together with their store.
    void store.query(query, waitForever());
  }
}

function newRuns(store: StatusStore, matching: Matching): string[] {
  const runIds = Array.from({ length: BATCH }, () => store.newRun().runId);
  if (matching === 'none') return runIds;
  const states = maskForState('RUNNING');
  for (const runId of runIds) void store.query({ runs: [runId], states }, waitForever());
  return runIds;
}

/** Milliseconds of CPU time for a batch of writes. */
async function write(store: StatusStore, matching: Matching): Promise<number> {
  const runIds = newRuns(store, matching);
  const { cpuMs } = await costOf(() => {
    for (const runId of runIds) store.update(runningStatus(runId, 'out', 'err'));
  });
  return cpuMs;
}

async function measureRound(matching: Matching): Promise<{ ratio: number; us: number; visits: number }> {
  const capacity = BUSY_RUNS + 2 * BATCH;
  const crowded = createStatusStore({ clock: createVirtualClock(), capacity });
  const empty = createStatusStore({ clock: createVirtualClock(), capacity });
  crowd(crowded);
  collectGarbage();
  const visited = crowded.waitersVisited;
  let crowdedMs = 0;
  let emptyMs = 0;
  for (let batch = 0; batch < BATCHES; batch++) {
    if (batch % 2 === 0) crowdedMs += await write(crowded, matching);
    emptyMs += await write(empty, matching);
    if (batch % 2 === 1) crowdedMs += await write(crowded, matching);
  }
  const writes = BATCHES * BATCH;
  return {
    ratio: crowdedMs / emptyMs,
    us: (crowdedMs * 1000) / writes,
    visits: (crowded.waitersVisited - visited) / writes,
  };
}

async function measureMatching(matching: Matching, rounds: number): Promise<Figure> {
  const found = [];
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) found.push(await measureRound(matching));
  const kept = found.slice(1);
  return {
    name: `write that ${matching === 'none' ? 'nobody' : 'one'} of ${WAITERS} waits for`,
    value: median(kept.map(({ ratio }) => ratio)),
    unit: '×',
    goal: RATIO_MAX,
    goalIs: 'most',
    by: 'CPU time',
    peer: matching === 'none' ? 'a store without waiters' : 'a store with that waiter alone',
    note: `${BATCHES * BATCH} writes; half of the waiters wait on all runs, half on ${BUSY_RUNS} others`,
    more: {
      microsecondsPerWrite: median(kept.map(({ us }) => us)),
      waitersVisitedPerWrite: Math.max(...kept.map(({ visits }) => visits)),
    },
  };
}

/** A write that wakes nobody, and one that wakes one. */
export async function measureWaiters(rounds: number): Promise<Figure[]> {
  return [await measureMatching('none', rounds), await measureMatching('one', rounds)];
}
