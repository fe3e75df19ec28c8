import { expect, test } from 'vitest';
import { HeldResources } from '../../../src/explore/explain/held-resources.ts';
import type { TraceEvent } from '../../../src/model/trace-event.ts';

const phase = (runner: string, runId: string): TraceEvent => ({
  at: 0,
  type: 'phase',
  runner,
  runId,
  phase: 'exec',
});
const process = (type: 'acquired' | 'freed', runner: string, runId: string): TraceEvent => ({
  at: 0,
  type,
  runner,
  runId,
  resource: 'process',
  name: 'process',
});

test('R204 what a run holds is shown with its own phase, not with that of the run of the same number elsewhere', () => {
  const events = [
    phase('a', '0'),
    process('acquired', 'a', '0'),
    phase('b', '0'),
    process('acquired', 'b', '0'),
    process('freed', 'b', '0'),
  ];
  const { holding } = new HeldResources(events.map((event) => ({ event, firingId: 0 })));
  expect([...holding]).toEqual([events[1], events[0]]);
});
