// Which event of a trace is that of a decided fault.
import { expect, test } from 'vitest';
import { FaultPlaces } from '../../../src/explore/explain/fault-places.ts';
import type { ObservedDecision } from '../../../src/explore/explain/observed-run.ts';
import { topicOf } from '../../../src/kernel/question.ts';
import { faultText, type FaultEvent } from '../../../src/model/faults.ts';

const FAULT: FaultEvent = {
  at: 0,
  type: 'fault',
  runner: 'lane',
  operation: 'run',
  kind: 'loseReply',
  runId: '0',
};

/** A decision for that fault, after so many events of the trace and while this event of the clock fired. */
function decided(traceIndex: number, firingId: number): ObservedDecision {
  const question = topicOf({ owner: 'lane', what: 'run' }).asks('fault');
  const words = faultText(FAULT);
  const asked = { question, occurrence: traceIndex, n: 2, answer: 1, askedAtMs: 0, due: [] };
  return { ...asked, traceIndex, firingId, describe: () => words };
}

test('each of two decisions in the same words has an event of its own', () => {
  const later = decided(0, 1);
  const atOnce = decided(1, 2);
  const note = { at: 0, type: 'note', runner: '', text: 'between' } as const;
  const events = [
    { event: note, firingId: 1 },
    { event: FAULT, firingId: 2 },
    { event: FAULT, firingId: 3 },
  ];
  const places = new FaultPlaces({ events }, [later, atOnce]);
  expect([places.of(atOnce), places.of(later)]).toEqual([1, 2]);
});
