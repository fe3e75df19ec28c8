import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkLinearizable } from '../../../src/oracles/history/check-linearizable.ts';
import type { HistoryOperation } from '../../../src/oracles/history/history.ts';
import { queueModel } from '../../../src/oracles/history/queue-model.ts';
import {
  registerModel,
  type RegisterCall,
  type RegisterReply,
} from '../../../src/oracles/history/register-model.ts';
import type { SequentialModel } from '../../../src/oracles/history/sequential-model.ts';
import type { ServiceCall } from '../../../src/call/service-call.ts';
import type { ServiceReply } from '../../../src/oracles/history/service-reply.ts';
import { statusStoreModel } from '../../../src/oracles/history/status-store-model.ts';
import type { RunState } from '../../../src/model/run-state.ts';
import { ALL_MASK, DONE_MASK, RUNNING_MASK } from '../../../src/model/state-mask.ts';
import { explains, isLinearizableByForce, keepsTime } from './brute-force.ts';
import { forgotten } from './hand-made-history.ts';
import { histories } from './history-arbitrary.ts';

type RegisterEntry = readonly [RegisterCall<number>, RegisterReply<number>];
type ServiceEntry = readonly [ServiceCall, ServiceReply];

const keys = fc.constantFrom({}, { key: 'x' });
const values = fc.integer({ min: 0, max: 2 });
const registerEntries: fc.Arbitrary<RegisterEntry> = fc.oneof(
  fc.tuple(keys, values).map(([key, value]): RegisterEntry => [{ ...key, kind: 'read' }, value]),
  fc.tuple(keys, values).map(([key, value]): RegisterEntry => [{ ...key, kind: 'write', value }, undefined]),
  fc
    .tuple(keys, values, values, fc.boolean())
    .map(([key, expected, value, isDone]): RegisterEntry => [
      { ...key, kind: 'cas', expected, value },
      isDone,
    ]),
);

const ids = fc.constantFrom('0', '1');
const states: fc.Arbitrary<RunState> = fc.constantFrom('PENDING', 'RUNNING', 'COMPLETE', 'ABORTED');
const seen = (runId: string, state: RunState) => ({ runId, state, exitCode: 0, error: '' });
const unknownRun: ServiceReply = { refused: 'RUNNER_UNKNOWN_RUN' };
const oneRun = fc.tuple(ids, states).map(([runId, state]): ServiceReply => ({ runs: [seen(runId, state)] }));
const listing = fc
  .tuple(fc.subarray(['0', '1']), states, states)
  .map(([listed, first, second]): ServiceReply => ({
    runs: listed.map((runId, index) => seen(runId, index === 0 ? first : second)),
  }));
const serviceEntries: fc.Arbitrary<ServiceEntry> = fc.oneof(
  {
    weight: 3,
    arbitrary: ids.map((id): ServiceEntry => [
      { method: 'run', args: [{ argv: [] }] },
      { runs: [seen(id, 'PENDING')] },
    ]),
  },
  {
    weight: 1,
    arbitrary: fc.constant<ServiceEntry>([
      { method: 'run', args: [{ argv: [] }] },
      { refused: 'RUNNER_BUSY' },
    ]),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(ids, fc.oneof(oneRun, fc.constant(unknownRun)))
      .map(([runId, reply]): ServiceEntry => [{ method: 'status', args: [idOf(reply) ?? runId] }, reply]),
  },
  {
    weight: 1,
    arbitrary: ids.map((runId): ServiceEntry => [
      { method: 'abort', args: [runId] },
      { runs: [seen(runId, 'ABORTED')] },
    ]),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.subarray(['0', '1']),
        fc.boolean(),
        fc.constantFrom(ALL_MASK, DONE_MASK, RUNNING_MASK),
        listing,
      )
      .map(([runs, allRuns, mask, reply]): ServiceEntry => [
        { method: 'queryNow', args: [{ runs, allRuns, states: mask }] },
        reply,
      ]),
  },
);

function idOf(reply: ServiceReply): string | undefined {
  return 'runs' in reply ? reply.runs[0]?.runId : undefined;
}

/** How many of the histories were which; a property that never sees one of them proves little. */
function checkAgreement<O, R, S>(
  entries: fc.Arbitrary<readonly [O, R]>,
  model: SequentialModel<O, R, S>,
): { yes: number; no: number } {
  const counts = { yes: 0, no: 0 };
  const property = fc.property(histories(entries, 5), (operations) => {
    const result = checkLinearizable(operations, model);
    const truth = isLinearizableByForce(operations, model);
    expect(result.linearizable).toBe(truth);
    counts[truth ? 'yes' : 'no'] += 1;
    if (result.linearizable === true) {
      expect(keepsTime(result.order)).toBe(true);
      expect(explains(result.order, model)).toBe(true);
      expect(result.order).toEqual(expect.arrayContaining(operations.filter(isReturned)));
    }
    if (result.linearizable === false) {
      const { operations: shown, isMinimal } = result.contradiction;
      expect(isMinimal).toBe(true);
      checkMinimal(
        operations,
        shown.map(({ operation }) => operation),
        model,
      );
    }
  });
  fc.assert(property, { seed: 11, numRuns: 400 });
  return counts;
}

function isReturned({ outcome }: HistoryOperation<unknown, unknown>): boolean {
  return outcome === 'returned';
}

/** The operations of a contradiction are one whatever became of the others of their part, and with one less they are not. */
function checkMinimal<O, R, S>(
  operations: readonly HistoryOperation<O, R>[],
  needed: readonly HistoryOperation<O, R>[],
  model: SequentialModel<O, R, S>,
): void {
  const parts = model.partition?.(operations) ?? [operations];
  const part = parts.find((some) => some.some(({ client }) => client === needed[0]?.client)) ?? [];
  const lastReply = Math.max(...needed.filter(isReturned).map(({ respondedAt }) => respondedAt));
  const others = part.filter(
    ({ client, invokedAt }) => invokedAt < lastReply && needed.every((one) => one.client !== client),
  );
  expect(isLinearizableByForce([...needed, ...others.map(forgotten)], model)).toBe(false);
  for (const one of needed) {
    const rest = needed.filter((other) => other !== one);
    expect(isLinearizableByForce([...rest, ...[...others, one].map(forgotten)], model)).toBe(true);
  }
}

describe('on random small histories the checker agrees with trying all orders, and its contradictions are minimal', () => {
  test('for registers', () => {
    const { yes, no } = checkAgreement(registerEntries, registerModel<number>(0));
    expect(Math.min(yes, no)).toBeGreaterThan(100);
  });

  test('for a status store', () => {
    const { yes, no } = checkAgreement(serviceEntries, statusStoreModel());
    expect(Math.min(yes, no)).toBeGreaterThan(60);
  });

  test('for a status store that forgets', () => {
    const { yes, no } = checkAgreement(serviceEntries, statusStoreModel({ mayEvict: true }));
    expect(Math.min(yes, no)).toBeGreaterThan(60);
  });

  test.for([[1], [2]] as const)('for a queue of %d', ([capacity]) => {
    const { yes, no } = checkAgreement(serviceEntries, queueModel({ capacity }));
    expect(Math.min(yes, no)).toBeGreaterThan(60);
  });
});
