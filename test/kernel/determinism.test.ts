import { describe, expect, test } from 'vitest';
import { sleep } from '../../src/kernel/clock.ts';
import { createDecisions } from '../../src/kernel/decision-log.ts';
import type { DecisionSource } from '../../src/kernel/decisions.ts';
import { chooseDrain } from '../../src/kernel/drain.ts';
import type { DrainChoice } from '../../src/kernel/drain.ts';
import { fifoDecisions } from '../../src/kernel/fifo-decisions.ts';
import { randomDecisions } from '../../src/kernel/random-decisions.ts';
import { keyedReplayDecisions, replayDecisions } from '../../src/kernel/replay-decisions.ts';
import { createRollingHash } from '../../src/kernel/rolling-hash.ts';
import { createRandomStream } from '../../src/kernel/seeded-random.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';

/** Forty workers that sleep, draw, post and cancel; everything that they see goes into one hash. */
async function play(source: DecisionSource, drain: DrainChoice, stepsPerTurn: number) {
  const hash = createRollingHash();
  const decisions = createDecisions(source, { hash });
  const clock = createVirtualClock({ choices: decisions });
  const random = createRandomStream(42);
  const see = (what: string): void => {
    hash.addNumber(clock.now());
    hash.addNumber(clock.currentEventId);
    hash.addString(what);
  };
  const work = async (name: string): Promise<void> => {
    const own = random.fork(name);
    for (let i = 0; i < 20; i++) {
      const deadline = clock.endOfInstant(`${name} deadline`, 3, () => see(`${name} deadline`));
      await sleep(clock, own.int(6), `${name} sleep`);
      see(name);
      if (decisions.choose(`${name} cancels`, 2) === 1) deadline.cancel();
      clock.post(`${name} post`, () => see(`${name} post`));
      for (let hops = own.int(4); hops > 0; hops--) await Promise.resolve();
      await sleep(clock, own.float(), `${name} nap`);
    }
    see(`${name} done`);
  };
  for (let i = 0; i < 40; i++) void work(`worker/${i}`);
  await chooseDrain(drain).run(() => clock.step(), { stepsPerTurn });
  hash.addNumber(clock.fired);
  return { digest: hash.digest(), log: decisions.entries(), pending: clock.pending };
}

describe('a whole program', () => {
  test('has the golden hash of its seed under both drains, wherever the turns fall', async () => {
    for (const drain of ['fast', 'documented'] as const) {
      for (const stepsPerTurn of [7, 4096]) {
        const { digest, pending } = await play(randomDecisions(42), drain, stepsPerTurn);
        expect({ digest, pending }).toEqual({ digest: '76237accd7e95b23', pending: 0 });
      }
    }
    expect((await play(fifoDecisions(), 'auto', 4096)).digest).toBe('f67008bdc58980f8');
  });

  test('is the same when its log is replayed, by position or by key, and differs under another seed', async () => {
    const { digest, log } = await play(randomDecisions('replay'), 'auto', 4096);
    const strict = replayDecisions(log);
    expect((await play(strict, 'auto', 4096)).digest).toBe(digest);
    strict.finish();
    expect((await play(keyedReplayDecisions(log), 'auto', 4096)).digest).toBe(digest);
    expect((await play(randomDecisions('other'), 'auto', 4096)).digest).not.toBe(digest);
  });
});
