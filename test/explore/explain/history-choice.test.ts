// Which lines a history shows where it cannot show all: what happened once, whole rounds of what alternates, and what
// the failure names.
import { expect, test } from 'vitest';
import { ambientTime } from '../../../src/ambient/ambient-time.ts';
import { createNetwork } from '../../../src/cluster/index.ts';
import { createExecutor } from '../../../src/explore/executor.ts';
import { explain } from '../../../src/explore/explain/explanation.ts';
import { formatExplanation } from '../../../src/explore/explain/explanation-text.ts';
import { defineScenario, type ScenarioDefinition } from '../../../src/simulation/scenario.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';
import { choice } from '../../questions.ts';

/** The lines of the printed history, without causes and indentation. */
async function linesOf(
  run: (sim: Simulation) => Promise<void>,
  {
    options,
    log = [],
  }: { options?: ScenarioDefinition['options']; log?: Parameters<typeof explain>[1] } = {},
): Promise<string[]> {
  const scenario = defineScenario({
    name: 'crowded',
    description: 'does more than a history shows',
    run,
    ...(options === undefined ? {} : { options }),
  });
  const lines = formatExplanation(await explain(createExecutor(scenario), log)).map(({ text }) => text);
  const begin = lines.indexOf('What happened') + 1;
  const length = lines.slice(begin).findIndex((line) => !line.startsWith('  '));
  const history = lines
    .slice(begin, begin + length)
    .map((line) => line.replace(/(; )?explain with linesMax: Infinity shows them/, ''))
    .filter((line) => line.trim() !== '()');
  // A line that says how much is left out at other places is below the history.
  expect(history.filter((line) => !line.includes('more line')).length).toBeLessThanOrEqual(12);
  return history.map((line) => line.replace(/ {2}\([bs][^()]*(\([^()]*\)[^()]*)*\)$/, '').trim());
}

/* eslint-disable no-restricted-globals -- plain code with ambient timers is what the test is about */
const pause = async (ms: number): Promise<void> => {
  await new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
};

/** A lock that is given up after a second, also if its holder still works. */
class Lease {
  holder = '';
  #end: ReturnType<typeof setTimeout> | undefined;

  take(name: string): boolean {
    if (this.holder !== '') return false;
    this.holder = name;
    this.#end = setTimeout(() => (this.holder = ''), 1000);
    return true;
  }

  giveBack(name: string): void {
    if (this.holder !== name) return;
    this.holder = '';
    clearTimeout(this.#end);
  }
}

test('a timer that fires once after the first decision is shown, however often others fire', async () => {
  const lines = await linesOf(
    async (sim) => {
      const lease = new Lease();
      const written: string[] = [];
      const client = async (name: string): Promise<void> => {
        for (let turn = 0; turn < 5; turn += 1) {
          while (!lease.take(name)) await pause(100);
          sim.note(`${name} has the lock`);
          const seen = written.length;
          const workMs = sim.pick(`work of ${name}`, [50, 1500], (ms) => `${ms} ms`);
          await pause(workMs);
          sim.check(written.length === seen, `a write of ${name} overwrites another one`);
          written.push(name);
          sim.note(`${name} has written`);
          await pause(30);
          lease.giveBack(name);
          await pause(100);
        }
      };
      // Each of these lines sets what fires again and again.
      const looking = [
        setInterval(() => undefined, 70),
        setInterval(() => undefined, 70),
        setInterval(() => undefined, 70),
        setInterval(() => undefined, 70),
        setInterval(() => undefined, 70),
        setInterval(() => undefined, 70),
      ];
      await Promise.all([client('a'), client('b')]);
      looking.forEach(clearInterval);
    },
    {
      options: { ambient: ambientTime() },
      log: [{ question: choice('work of b'), n: 2, answer: 1 }],
    },
  );
  expect(lines.find((line) => line.startsWith('1100 ms'))).toMatch(
    /^1100 ms {3}the timer set in Lease\.take \(history-choice\.test\.ts:\d+\) fires$/,
  );
});

test.each([
  [6, false],
  [2, true],
] as const)(
  'beside nodes, a named sleep of the scenario is a line only if it is rare: %d times',
  async (times, isShown) => {
    const lines = await linesOf(async (sim) => {
      const net = createNetwork(sim, { latencyMs: 1 });
      net.node('store', () => ({ get: (key: string) => key }));
      net.node('client', async ({ connect, sleep }) => {
        for (let n = 0; n < 6; n += 1) {
          await connect<{ get(key: string): string }>('store').get(`key ${n}`);
          await sleep(50);
        }
      });
      for (let n = 0; n < times; n += 1) await sim.sleep(300 / times, 'the scenario waits');
      sim.check(false, 'it is wrong');
    });
    expect(lines.some((line) => line.includes('"the scenario waits" fires'))).toBe(isShown);
  },
);

/** Two workers of plain code nap side by side for 70 ms, `naps` times, and a loop looks every 10 ms until all is done. */
async function napsOfTwo(naps: number, pollMs = 10): Promise<string[]> {
  const nap = async (ms: number): Promise<void> => {
    await new Promise((resolve) => {
      setTimeout(resolve, ms);
    });
  };
  const wait = async (ms: number): Promise<void> => {
    await new Promise((resolve) => {
      setTimeout(resolve, ms);
    });
  };
  const lines = await linesOf(
    async (sim) => {
      let steps = 0;
      const work = async (): Promise<void> => {
        for (let step = 0; step < naps; step += 1) {
          await nap(70);
          steps += 1;
        }
      };
      const poll = async (): Promise<void> => {
        while (steps < 2 * naps) await wait(pollMs);
      };
      await Promise.all([work(), work(), poll()]);
      sim.check(false, 'too few');
    },
    { options: { ambient: ambientTime() } },
  );
  return lines.map((line) => line.replace(/the timer set by (?:napsOfTwo\.)?(\w+) in .* fires/, '$1'));
}

test('in plain code each turn of what fires again and again is shown, and what is left out is counted', async () => {
  expect(await napsOfTwo(2)).toEqual([
    '10 ms   wait',
    ...['60 ms   wait', '70 ms   nap', '70 ms   wait', '70 ms   nap', '80 ms   wait'],
    ...['130 ms   wait', '140 ms   nap', '140 ms   wait', '140 ms   nap', '150 ms   wait'],
    '150 ms ! too few',
    '(8 more lines left out)',
  ]);
});

test('equal firings of one instant of plain code share a line, whether or not each was chosen', async () => {
  expect(await napsOfTwo(20, 35)).toEqual([
    '35 ms   wait',
    '70 ms   nap (2 times, with 1 other line between)',
    ...['1295 ms   wait', '1330 ms   nap', '1330 ms   wait', '1330 ms   nap', '1365 ms   wait'],
    ...['1400 ms   nap', '1400 ms   wait', '1400 ms   nap', '1435 ms   wait'],
    '1435 ms ! too few',
    '(69 more lines left out)',
  ]);
});

/* eslint-enable no-restricted-globals */

test.for([
  { times: 3, isRoutine: false },
  { times: 4, isRoutine: true },
])('what happens $times times is routine: $isRoutine', async ({ times, isRoutine }) => {
  const notes = await linesOf(async (sim) => {
    for (let time = 0; time < times; time += 1) {
      sim.note('is well');
      await sim.sleep(1);
    }
    sim.check(false, 'it failed');
  });
  expect(notes.some((line) => line.includes('is well, for the'))).toBe(isRoutine);
  const lines = await linesOf(async (sim) => {
    for (const letter of 'abcd') sim.note(`${letter} begins`);
    for (let time = 0; time < times; time += 1) await sim.sleep(1, 'beat');
    // So much is left out that nothing is shown to fill up.
    for (let time = 0; time < 20; time += 1) {
      await sim.sleep(1, 'hum');
      if (time < times) sim.note(`turn ${time}`);
    }
    sim.check(false, 'it failed');
  });
  const shown = isRoutine ? 2 : times;
  expect(lines.filter((line) => line.includes('"beat"'))).toHaveLength(shown);
  expect(lines.filter((line) => line.includes('note: turn'))).toHaveLength(shown);
});

test('of notes that recur with other numbers, the one with the number that the failure names is shown', async () => {
  const lines = await linesOf(async (sim) => {
    for (let item = 20; item < 60; item += 1) {
      sim.note(`item ${item} is stored`);
      await sim.sleep(1);
    }
    sim.check(false, 'item 37 is missing');
  });
  expect(lines).toContain('17 ms   note: item 37 is stored');
});

/** Five rounds in which a lock changes hands; in the last one a does not release it. */
async function holdInTurn(sim: Simulation): Promise<void> {
  for (let round = 1; round <= 5; round += 1) {
    for (const name of ['a', 'b']) {
      sim.note(`${name} has the lock`);
      await sim.sleep(10);
      if (round < 5 || name === 'b') sim.note(`${name} released`);
      await sim.sleep(10);
    }
  }
}

test('of notes that alternate the last two rounds are shown whole', async () => {
  const lines = await linesOf(async (sim) => {
    await holdInTurn(sim);
    sim.check(false, 'both held it');
  });
  expect(lines).toEqual([
    '120 ms   note: a has the lock',
    '130 ms   note: a released, for the 4th time',
    '140 ms   note: b has the lock',
    '150 ms   note: b released',
    '160 ms   note: a has the lock, for the 5th time',
    '180 ms   note: b has the lock, for the 5th time',
    '190 ms   note: b released, for the 5th time',
    '200 ms ! both held it',
    '(12 more lines left out)',
  ]);
});

test('lines that are left out between notes of one owner are counted in their place', async () => {
  const lines = await linesOf(async (sim) => {
    sim.note('job 100 came');
    await holdInTurn(sim);
    sim.note('job 100 left');
    sim.note('the end comes');
    sim.check(false, 'job 100 is lost');
  });
  expect(lines).toEqual([
    '0 ms   note: job 100 came',
    '… 12 lines left out',
    '120 ms   note: a has the lock',
    '130 ms   note: a released, for the 4th time',
    '140 ms   note: b has the lock',
    '150 ms   note: b released',
    '160 ms   note: a has the lock, for the 5th time',
    '180 ms   note: b has the lock, for the 5th time',
    '190 ms   note: b released, for the 5th time',
    '200 ms   note: job 100 left',
    '200 ms   note: the end comes',
    '200 ms ! job 100 is lost',
  ]);
});

test('a line that is left out alone is shown in place of its count', async () => {
  const lines = await linesOf(async (sim) => {
    for (const note of ['job 100 came', 'the lid opened', 'job 100 left']) sim.note(note);
    for (let at = 0; at < 20; at += 1) sim.note(`${'abcdefghijklmnopqrstuvwxyz'[at]} was seen`);
    sim.check(false, 'job 100 is lost');
  });
  expect(lines.slice(0, 6)).toEqual([
    '0 ms   note: job 100 came',
    '0 ms   note: the lid opened',
    '0 ms   note: job 100 left',
    '… 13 lines left out',
    '0 ms   note: n was seen',
    '0 ms   note: o was seen',
  ]);
});

test('of calls that alternate at one node the last two rounds are shown', async () => {
  const lines = await linesOf(async (sim) => {
    const net = createNetwork(sim, { latencyMs: 1 });
    net.node('locks', () => ({ take: () => true, give: () => true }));
    for (const [at, name] of ['a', 'b'].entries()) {
      net.node(name, async ({ connect, sleep }) => {
        const locks = connect<{ take(): boolean; give(): boolean }>('locks');
        await sleep(1 + at * 10);
        for (let round = 0; round < 6; round += 1) {
          await locks.take();
          await sleep(2);
          if (round < 5 || name === 'b') await locks.give();
          await sleep(14 - (round < 5 || name === 'b' ? 0 : -2));
        }
      });
    }
    await sim.sleep(200);
    sim.check(false, 'both held it');
  });
  expect(lines.filter((line) => line.includes(' gets true '))).toEqual([
    expect.stringMatching(/a gets true from take\(\)/),
    expect.stringMatching(/a gets true from give\(\)/),
    expect.stringMatching(/b gets true from take\(\)/),
    expect.stringMatching(/b gets true from give\(\)/),
    expect.stringMatching(/a gets true from take\(\)/),
    expect.stringMatching(/b gets true from take\(\)/),
    expect.stringMatching(/b gets true from give\(\)/),
  ]);
});

test.each([
  ['its number', (at: number) => `item ${at} is stored`, 'item 77 is lost', 'note: item 77 is stored'],
  [
    'its name',
    (at: number) => (at === 5 ? 'job deploy starts' : `entry ${at} was read`),
    'deploy never ran',
    'note: job deploy starts',
  ],
])(
  'of two hundred notes in one instant the one that the failure names by %s is shown',
  async (_, noteOf, message, shown) => {
    const lines = await linesOf(async (sim) => {
      for (let at = 0; at < 200; at += 1) sim.note(noteOf(at));
      sim.check(false, message);
    });
    expect(lines[0]).toBe(`0 ms   ${shown}`);
    expect(lines[1]).toMatch(/^… \d+ lines left out$/);
    expect(lines.at(-2)).toBe(`0 ms ! ${message}`);
  },
);

test('a word that many notes contain names none of them', async () => {
  const lines = await linesOf(async (sim) => {
    for (let at = 0; at < 40; at += 1) sim.note(`${at < 20 ? 'item' : 'entry'} ${at} is stored`);
    sim.check(false, 'item or whatever is lost');
  });
  expect(lines[0]).toBe('0 ms   note: entry 29 is stored');
});

/** Three servers elect leaders in eight terms, while they send each other much else. */
function elect(sim: Simulation): ReturnType<typeof createNetwork> {
  const net = createNetwork(sim, { latencyMs: 1 });
  for (const [name, ...others] of [
    ['n1', 'n2', 'n3'],
    ['n2', 'n1', 'n3'],
    ['n3', 'n1', 'n2'],
  ] as const) {
    net.node(name, async ({ send, sleep, onMessage }) => {
      onMessage((message, from) => {
        const { type, term } = message as { type: string; term: number };
        if (type === 'ask') send(from, { type: 'vote', term });
      });
      for (let term = 1; term <= 8; term += 1) {
        await sleep(10);
        const asks = term === 6 ? name !== 'n3' : name === 'n1';
        if (asks) send('n3', { type: 'ask', term });
        for (const other of others) send(other, { type: `news ${term}`, term: 0 });
      }
    });
  }
  return net;
}

test('the votes of the term that the failure names are shown', async () => {
  const lines = await linesOf(async (sim) => {
    elect(sim);
    await sim.sleep(100);
    sim.check(false, 'n1 and n2 both lead in term 6');
  });
  expect(lines.filter((line) => line.includes('"vote"'))).toEqual(
    expect.arrayContaining([
      '62 ms   n1 gets {type: "vote", term: 6} from n3',
      '62 ms   n2 gets {type: "vote", term: 6} from n3',
    ]),
  );
});

test('the message with which it failed is shown, however much else the failure names', async () => {
  const lines = await linesOf(async (sim) => {
    const net = createNetwork(sim, { latencyMs: 1 });
    const store = net.node('store', ({ onMessage }) => {
      onMessage((message) =>
        sim.check((message as { type: string }).type !== 'last', 'j10, j11, j12, j13, j14 and j15 are lost'),
      );
    });
    const queue = net.node(
      'queue',
      ({ send, sleep }) => void sleep(20).then(() => send('store', { type: 'last' })),
    );
    for (let job = 10; job <= 15; job += 1) {
      sim.note(`j${job} was added`);
      await sim.sleep(1);
    }
    store.crash();
    queue.crash();
    queue.restart();
    for (let job = 0; job < 4; job += 1) {
      await net
        .connect<Record<string, () => void>>('store')
        [`add${job}`]?.()
        .catch(() => undefined);
    }
    store.restart();
    await sim.sleep(100);
  });
  expect(lines.at(-3)).toMatch(/^\d+ ms {3}store gets \{type: "last"\} from queue$/);
});

test('a count of equal lines says what else happened between them', async () => {
  const lines = await linesOf(async (sim) => {
    const net = createNetwork(sim, { latencyMs: 1 });
    net.node('disk1', async ({ note, sleep }) => {
      await sleep(5);
      for (let turn = 0; turn < 4; turn += 1) {
        note('is full');
        for (const file of ['v', 'w', 'x', 'y', 'z']) sim.note(`the cleaner removes ${file}`);
      }
      note('stops');
    });
    await sim.sleep(20);
    sim.check(false, 'disk1 lost a write');
  });
  expect(lines[0]).toBe('5 ms   disk1 notes: is full (3 times, with 10 other lines between)');
});
