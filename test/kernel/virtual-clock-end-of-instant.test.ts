import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createDecisions } from '../../src/kernel/decision-log.ts';
import { randomDecisions } from '../../src/kernel/random-decisions.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';

describe('end-of-instant events', () => {
  test('R35 fire after everything else due at that time, including what those events post or schedule with 0 ms', () => {
    const clock = createVirtualClock();
    const fired: string[] = [];
    const log = (name: string) => () => void fired.push(`${name}@${clock.now()}`);
    clock.endOfInstant('end', 5, log('end'));
    clock.timer('a', 5, () => {
      log('a')();
      clock.post('posted', () => {
        log('posted')();
        clock.timer('zero', 0, log('zero'));
      });
    });
    clock.timer('next', 5.001, log('next'));
    while (clock.step());
    expect(fired).toEqual(['a@5', 'posted@5', 'zero@5', 'end@5', 'next@5.001']);
  });

  test('R35 fire first-in-first-out within an instant, and what one of them posts comes before the next', () => {
    const clock = createVirtualClock({ choices: { choose: (_, n) => n - 1 } });
    const fired: string[] = [];
    clock.endOfInstant('end 1', 3, () => {
      fired.push('end 1');
      clock.post('posted', () => fired.push('posted'));
      clock.endOfInstant('end 3', 0, () => fired.push('end 3'));
    });
    clock.endOfInstant('end 2', 3, () => fired.push('end 2'));
    while (clock.step());
    expect(fired).toEqual(['end 1', 'posted', 'end 2', 'end 3']);
  });

  test('R35 a match at the deadline wins, in any order of the instant', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 0, max: 5 }),
        async (seed, posts, reactions) => {
          const clock = createVirtualClock({ choices: createDecisions(randomDecisions(seed)) });
          const outcome = new Promise<string>((resolve) => {
            clock.endOfInstant('deadline', 10, () => resolve('timed out'));
            const write = async (left: number): Promise<void> => {
              for (let i = 0; i < reactions; i++) await Promise.resolve();
              if (left > 0) clock.post('write later', () => void write(left - 1));
              else resolve('matched');
            };
            clock.timer('write', 10, () => void write(posts));
            clock.timer('bystander', 10, () => {});
          });
          await clock.runUntilIdle();
          expect(await outcome).toBe('matched');
        },
      ),
      { numRuns: 100 },
    );
  });
});
