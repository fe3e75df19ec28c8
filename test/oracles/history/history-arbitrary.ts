// Small random histories for comparison with brute force: a few clients, overlapping or not, some operations lost.
import fc from 'fast-check';
import type { HistoryOperation } from '../../../src/oracles/history/history.ts';

/** Histories of up to `size` operations with these calls and replies, right or wrong. */
export function histories<O, R>(
  entries: fc.Arbitrary<readonly [operation: O, reply: R]>,
  size: number,
): fc.Arbitrary<HistoryOperation<O, R>[]> {
  const drafts = fc.array(fc.record({ entry: entries, isLost: fc.integer({ min: 0, max: 4 }) }), {
    maxLength: size,
  });
  return drafts.chain((chosen) => {
    const events = chosen.flatMap((_, index) => [index, index]);
    const order = fc.shuffledSubarray(events, { minLength: events.length, maxLength: events.length });
    return order.map((sequence) =>
      chosen.map(({ entry: [operation, reply], isLost }, index) => {
        const isOpen = isLost === 0;
        const respondedAt = isOpen ? Infinity : sequence.lastIndexOf(index);
        const invokedAt = sequence.indexOf(index);
        return {
          client: `c${index}`,
          operation,
          outcome: isOpen ? 'open' : 'returned',
          reply: isOpen ? undefined : reply,
          invokedAt,
          respondedAt,
          invokedAtMs: invokedAt,
          respondedAtMs: respondedAt,
        };
      }),
    );
  });
}
