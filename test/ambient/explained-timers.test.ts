// How an explanation names the timers and draws of code that is used as it is.
import { expect, test } from 'vitest';
import { ambientTime } from '../../src/ambient/ambient-time.ts';
import { createExecutor } from '../../src/explore/executor.ts';
import { explain } from '../../src/explore/explain/explanation.ts';
import { formatExplanation } from '../../src/explore/explain/explanation-text.ts';
import { recordTimeline } from '../../src/explore/timeline/timeline.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { choice } from '../questions.ts';
import { pauseOfAnotherFile } from './pause.ts';

async function explained(
  run: (sim: Simulation) => Promise<void>,
  log: Parameters<typeof explain>[1] = [],
): Promise<string> {
  const scenario = defineScenario({
    name: 'mine',
    description: 'fails',
    options: { ambient: ambientTime() },
    run,
  });
  const explanation = await explain(createExecutor(scenario), log);
  return formatExplanation(explanation)
    .map(({ text }) => text)
    .join('\n');
}

test('a timer is called by the line that set it, also behind another of as many milliseconds and when it fires again', async () => {
  const text = await explained(async (sim) => {
    let beats = 0;
    setTimeout(() => undefined, 1_000);
    const beating = setInterval(() => (beats += 1), 1_000);
    await new Promise((resolve) => {
      setTimeout(resolve, 3_500);
    });
    clearInterval(beating);
    sim.check(beats < 3, 'it beats three times');
  });
  expect(
    text.match(/interval set in run \(explained-timers\.test\.ts:\d+\) fires/g)?.length,
  ).toBeGreaterThanOrEqual(2);
  expect(text).not.toContain('"setInterval"');
});

test('a function with a name is named beside the line', async () => {
  const text = await explained(async (sim) => {
    let isExpired = false;
    setTimeout(function expire() {
      isExpired = true;
    }, 10);
    await sim.sleep(20);
    sim.check(!isExpired, 'it is expired');
  });
  expect(text).toMatch(/10 ms {3}the timer "expire" set in run \(explained-timers\.test\.ts:\d+\) fires/);
});

test('of a function that sets timers for all the line that called it is named as well', async () => {
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      setTimeout(resolve, ms);
    });
  const text = await explained(async (sim) => {
    let isLate = false;
    const later = async (): Promise<void> => {
      await pause(10);
      isLate = true;
    };
    void later();
    await sim.sleep(20);
    sim.check(!isLate, 'it is late');
  });
  expect(text).toMatch(/10 ms {3}the timer set by pause in later \(explained-timers\.test\.ts:\d+\) fires/);
});

test('a helper of another file keeps its line', async () => {
  const text = await explained(async (sim) => {
    let isLate = false;
    void pauseOfAnotherFile(10).then(() => (isLate = true));
    await sim.sleep(20);
    sim.check(!isLate, 'it is late');
  });
  expect(text).toMatch(
    /10 ms {3}the timer set by pauseOfAnotherFile \(pause\.ts:\d+\) in run \(explained-timers\.test\.ts:\d+\) fires/,
  );
});

test('what set a timer is named unless the line of its time has named it', async () => {
  const text = await explained(async (sim) => {
    let count = 0;
    const later = (ms: number, then: () => void): void => void setTimeout(() => then(), ms);
    later(10, () => later(5, () => (count += 1)));
    later(20, () => later(5, () => (count += 1)));
    later(20, () => later(7, () => (count += 1)));
    await sim.sleep(40, 'the end');
    sim.check(count < 3, 'all of them');
  });
  const lines = text.split('\n').filter((line) => line.includes('fires'));
  expect(lines.filter((line) => line.endsWith('(set at 10 ms)'))).toHaveLength(1);
  // Two fire at 20 ms.
  expect(lines.filter((line) => /\(set at 20 ms by the timer set in later .*\)$/.test(line))).toHaveLength(2);
});

test('what set a timer is not named again after a decision that was made in it', async () => {
  const text = await explained(
    async (sim) => {
      let isLate = false;
      setTimeout(() => {
        sim.pick('job', ['short', 'long']);
        setTimeout(() => (isLate = true), 5);
      }, 10);
      await sim.sleep(20, 'the end');
      sim.check(!isLate, 'it is late');
    },
    [{ question: choice('job'), n: 2, answer: 1 }],
  );
  expect(text).toMatch(/10 ms \? "job" is long {2}\(by the timer set in run .*, set at the start\)/);
  expect(text).toMatch(/15 ms {3}the timer set .* fires {2}\(set at 10 ms\)/);
});

test('a method and its line are named, also where the promise is made in a line of its own', async () => {
  class Client {
    isLate = false;

    async renew(): Promise<void> {
      await new Promise((resolve) => {
        setTimeout(resolve, 10);
      });
      this.isLate = true;
    }

    expire(): void {
      setTimeout(() => undefined, 15);
    }
  }
  const text = await explained(async (sim) => {
    const client = new Client();
    void client.renew();
    client.expire();
    await sim.sleep(20);
    sim.check(!client.isLate, 'it is late');
  });
  expect(text).toMatch(
    /10 ms {3}the timer set by Client\.renew in run \(explained-timers\.test\.ts:\d+\) fires/,
  );
  expect(text).toMatch(/15 ms {3}the timer set in Client\.expire \(explained-timers\.test\.ts:\d+\) fires/);
});

test('a function that sets a timer itself keeps its own name inside of a promise that another one made', async () => {
  const text = await explained(async (sim) => {
    let isLate = false;
    const tick = (): void => {
      setTimeout(() => (isLate = true), 10);
    };
    const begin = (done: () => void): void => {
      tick();
      done();
    };
    const start = (): Promise<void> =>
      new Promise((resolve) => {
        begin(resolve);
      });
    await start();
    await sim.sleep(20);
    sim.check(!isLate, 'it is late');
  });
  expect(text).toMatch(/10 ms {3}the timer set in tick \(explained-timers\.test\.ts:\d+\) fires/);
});

test('sleeps and timers of one history are called in the same words, each by what it is', async () => {
  const text = await explained(async (sim) => {
    let isLate = false;
    const pause = async (): Promise<void> => sim.sleep(20);
    setTimeout(() => (isLate = true), 10);
    await pause();
    sim.check(!isLate, 'it is late');
  });
  expect(text).toMatch(/10 ms {3}the timer set in run \(explained-timers\.test\.ts:\d+\) fires/);
  expect(text).toMatch(/20 ms {3}the sleep set in pause \(explained-timers\.test\.ts:\d+\) ends/);
});

test('a timeline calls a timer as an explanation does', async () => {
  const scenario = defineScenario({
    name: 'mine',
    description: 'holds',
    options: { ambient: ambientTime() },
    run: async () => {
      await new Promise((resolve) => {
        setTimeout(resolve, 10);
      });
    },
  });
  const { traceEvents } = await recordTimeline(createExecutor(scenario), []);
  const names = traceEvents.filter(({ cat }) => cat === 'event').map(({ name }) => name);
  expect(names).toEqual([expect.stringMatching(/^the timer set in run \(explained-timers\.test\.ts:\d+\)$/)]);
});
