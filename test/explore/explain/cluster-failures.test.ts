// What is said of one failure per way in which a cluster fails.
import { expect, test } from 'vitest';
import {
  createMutex,
  createNetwork,
  isCallLost,
  type LinkFaults,
  type NodeContext,
} from '../../../src/cluster/index.ts';
import { createExecutor } from '../../../src/explore/executor.ts';
import { explain } from '../../../src/explore/explain/explanation.ts';
import type { DecisionSource } from '../../../src/kernel/decisions.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';

type Answers = Readonly<Record<string, number | 'highest'>>;

/** Answers of which more is known than the question; undefined for all others. */
type LaterAnswer = (asked: { question: string; n: number; occurrence: number }) => number | undefined;

/** Answers those questions, the first time that each is asked, and 0 to all others. */
function answering(answers: Answers, later: LaterAnswer): DecisionSource {
  return {
    decide(question, n, occurrence) {
      const answer = later({ question: question.text, n, occurrence });
      if (answer !== undefined) return answer;
      const given = occurrence === 0 ? answers[question.text] : undefined;
      return given === 'highest' ? n - 1 : (given ?? 0);
    },
  };
}

/** The sentence, the history and what would have held. */
async function explained(
  name: string,
  run: (sim: Simulation) => Promise<void>,
  answers: Answers,
  later: LaterAnswer = () => undefined,
): Promise<readonly string[]> {
  const executor = createExecutor(defineScenario({ name, description: 'fails', run }));
  const { failure, decisions } = await executor.execute({ source: answering(answers, later) });
  expect(failure).toBeDefined();
  const { sentence, history, nearestPass } = await explain(executor, decisions());
  const lines = [
    sentence,
    ...history.map(
      ({ atMs, role, text, because }) =>
        `${atMs} ${role === 'event' ? ' ' : role === 'decision' ? '?' : '!'} ${text}${because === undefined ? '' : `  (${because})`}`,
    ),
    nearestPass?.text ?? 'nothing',
    nearestPass?.difference ?? 'no difference',
  ];
  return lines.map((line) => line.replace(/the sleep set in .*?\) ends/, 'the sleep of the scenario ends'));
}

class Tickets {
  readonly sold: string[] = [];
  sell(client: string): number {
    this.sold.push(client);
    return this.sold.length;
  }
}

/** Two clients buy a ticket each; one that hears nothing asks again. */
const buying =
  (times: number, faults: LinkFaults) =>
  async (sim: Simulation): Promise<void> => {
    const tickets = new Tickets();
    const net = createNetwork(sim, { latencyMs: 1, faults });
    net.node('shop', () => tickets);
    const clients = ['ann', 'ben'].map((name) => {
      net.node(name, async ({ connect, note }) => {
        const shop = connect<Tickets>('shop', { timeoutMs: 50 });
        for (let left = times; left > 0; left -= 1) {
          const number = await shop.sell(name).catch((error: unknown) => {
            if (!isCallLost(error)) throw error;
          });
          if (number !== undefined) return;
        }
        note('gives up');
      });
      return name;
    });
    await sim.sleep(200);
    sim.check(
      tickets.sold.length === clients.length,
      `${clients.length} clients have ${tickets.sold.length} tickets of the shop`,
    );
  };

test('a call that is lost', async () => {
  const lines = await explained('lost-call', buying(1, { lose: true }), {
    'ben to shop sell fault': 'highest',
  });
  expect(lines).toMatchInlineSnapshot(`
    [
      "lost-call fails at 200 ms: 2 clients have 1 tickets of the shop, when the call sell("ben") from ben to shop is lost.",
      "0 ? the call sell("ben") from ben to shop is lost",
      "2   ann gets 1 from sell("ann") of shop, called at 0 ms",
      "50   ben notes: gives up  (by the time limit of ben's call sell("ben") to shop)",
      "200   the sleep of the scenario ends  (set at the start)",
      "200 ! 2 clients have 1 tickets of the shop",
      "If the call sell("ben") from ben to shop had not been lost, nothing would have failed.",
      "In the passing execution: 1 ms: shop gets ben's call sell("ben"). In the failing execution: that does not happen.",
    ]
  `);
});

test('an answer that is lost', async () => {
  const lines = await explained('lost-answer', buying(3, { lose: true }), {
    'shop to ann reply to sell fault': 'highest',
  });
  expect(lines).toMatchInlineSnapshot(`
    [
      "lost-answer fails at 200 ms: 2 clients have 3 tickets of the shop, when the answer 1 of shop to ann's call sell("ann") is lost.",
      "1 ? the answer 1 of shop to ann's call sell("ann") is lost  (by the arrival at shop of ann's call sell("ann"))",
      "2   ben gets 2 from sell("ben") of shop, called at 0 ms",
      "52   ann gets 3 from sell("ann") of shop, called at 50 ms",
      "200   the sleep of the scenario ends  (set at the start)",
      "200 ! 2 clients have 3 tickets of the shop",
      "If the answer 1 of shop to ann's call sell("ann") had not been lost, nothing would have failed.",
      "In the passing execution: 2 ms: ann gets 1 from shop as the answer to its call sell("ann"). In the failing execution: that does not happen.",
    ]
  `);
});

test('a call that is duplicated', async () => {
  const lines = await explained('duplicate', buying(1, { duplicate: true }), {
    'ann to shop sell fault': 'highest',
  });
  expect(lines).toMatchInlineSnapshot(`
    [
      "duplicate fails at 200 ms: 2 clients have 3 tickets of the shop, when the call sell("ann") from ann to shop is duplicated.",
      "0 ? the call sell("ann") from ann to shop is duplicated",
      "1   shop gets ann's call sell("ann")",
      "1   shop gets ann's call sell("ann") again",
      "2   ann gets 1 from shop as the answer to its call sell("ann")",
      "2   ann gets 2 from shop as the answer to its call sell("ann") again",
      "2   ben gets 3 from sell("ben") of shop, called at 0 ms",
      "200   the sleep of the scenario ends  (set at the start)",
      "200 ! 2 clients have 3 tickets of the shop",
      "If the call sell("ann") from ann to shop had not been duplicated, nothing would have failed.",
      "In the failing execution: 1 ms: shop gets ann's call sell("ann"), 2 times. In the passing execution: once.",
    ]
  `);
});

test('a call that arrives before another one', async () => {
  const lines = await explained(
    'order',
    async (sim) => {
      const tickets = new Tickets();
      const net = createNetwork(sim, { latencyMs: 1 });
      net.node('shop', () => tickets);
      for (const name of ['ann', 'ben']) {
        net.node(name, async ({ connect }) => {
          await connect<Tickets>('shop').sell(name);
        });
      }
      await sim.sleep(10);
      sim.check(tickets.sold[0] === 'ann', `the shop has served ${tickets.sold[0]} first`);
    },
    { 'order ben to shop sell': 1, 'order ann to shop sell': 1 },
  );
  expect(lines).toMatchInlineSnapshot(`
    [
      "order fails at 10 ms: the shop has served ben first, when the arrival at shop of ben's call sell("ben") comes before the arrival at shop of ann's call sell("ann"), due at the same time.",
      "1 ? the arrival at shop of ben's call sell("ben") comes before the arrival at shop of ann's call sell("ann"), due at the same time",
      "2   ben gets 1 from sell("ben") of shop, called at 0 ms",
      "2   ann gets 2 from sell("ann") of shop, called at 0 ms",
      "10   the sleep of the scenario ends  (set at the start)",
      "10 ! the shop has served ben first",
      "If the call sell("ann") from ann to shop had arrived before the call sell("ben") from ben to shop at 1 ms, nothing would have failed.",
      "In the passing execution: 1 ms: shop gets ann's call sell("ann"). In the failing execution: 1 ms: shop gets ben's call sell("ben").",
    ]
  `);
});

test('a call that takes longer than another one', async () => {
  const lines = await explained(
    'late',
    async (sim) => {
      const tickets = new Tickets();
      const net = createNetwork(sim, { latencyMs: [1, 8] });
      net.node('shop', () => tickets);
      for (const name of ['ann', 'ben']) {
        net.node(name, async ({ connect }) => {
          await connect<Tickets>('shop').sell(name);
        });
      }
      await sim.sleep(20);
      sim.check(tickets.sold[0] === 'ann', `the shop has served ${tickets.sold[0]} first`);
    },
    { 'ann to shop sell delay': 7 },
  );
  expect(lines).toMatchInlineSnapshot(`
    [
      "late fails at 20 ms: the shop has served ben first, when the call sell("ann") from ann to shop is delayed by 6.125 ms.",
      "0 ? the call sell("ann") from ann to shop is delayed by 6.125 ms",
      "2   ben gets 1 from sell("ben") of shop, called at 0 ms",
      "8.125   ann gets 2 from sell("ann") of shop, called at 0 ms",
      "20   the sleep of the scenario ends  (set at the start)",
      "20 ! the shop has served ben first",
      "If the call sell("ann") from ann to shop had not been delayed, nothing would have failed.",
      "In the passing execution: 1 ms: shop gets ann's call sell("ann"). In the failing execution: at 7.125 ms.",
    ]
  `);
});

test('a crash before a sync', async () => {
  const lines = await explained(
    'crash-before-sync',
    async (sim) => {
      const net = createNetwork(sim, { latencyMs: 1 });
      interface Store {
        put(value: string): Promise<void>;
        get(): Promise<string>;
      }
      net.node(
        'store',
        ({ disk }): Store => ({
          async put(value) {
            await disk.write('value', value);
          },
          get: () => disk.readText('value').catch(() => 'nothing'),
        }),
        { faults: { crash: 16 }, restartMs: 5 },
      );
      const store = net.connect<Store>('store', { timeoutMs: 100 });
      await store.put('seven');
      const got = await store.get().catch(() => store.get());
      sim.check(got === 'seven', `"seven" was put, and ${got} is there`);
    },
    {
      'store crash at scenario to store get fault': 'highest',
      'store lost names fault': 'highest',
      'store lost value fault': 'highest',
    },
  );
  expect(lines).toMatchInlineSnapshot(`
    [
      "crash-before-sync fails at 6 ms: "seven" was put, and nothing is there, when store crashes as get() of scenario arrives and store loses the creation of value.",
      "1   store writes value (5 bytes)",
      "2   put("seven") of store, called by scenario at 0 ms, has returned",
      "3 ? store crashes as get() of scenario arrives",
      "3 ? store loses the creation of value",
      "3   the call get() from scenario to store is refused: store is down",
      "3   store restarts",
      "4   get() of store, called by scenario at 2 ms, fails: store is down",
      "6   scenario gets "nothing" from get() of store, called at 4 ms",
      "6 ! "seven" was put, and nothing is there",
      "Without this, nothing would have failed: store loses the creation of value.",
      "In the passing execution: 3 ms: value on store has 5 bytes left, which were not synced. In the failing execution: 3 ms: store loses the creation of value.",
    ]
  `);
});

/** A message that says what it is. */
class Claim {
  readonly term: number;
  readonly by: string;
  constructor(by: string, term: number) {
    this.by = by;
    this.term = term;
  }
  describe(): string {
    return `${this.by}'s claim to lead term ${this.term}`;
  }
}

test('a partition', async () => {
  const lines = await explained(
    'partition',
    async (sim) => {
      const leaders = new Set<string>();
      sim.always('one leads', () => leaders.size <= 1);
      const net = createNetwork(sim, { latencyMs: 1, faults: { partition: true, outageMs: 400 } });
      net.node('first', async (node) => {
        leaders.add('first');
        for (let beat = 0; beat < 30; beat += 1) {
          node.send('second', new Claim('first', 1));
          await node.sleep(20);
        }
      });
      net.node('second', async (node) => {
        const claims = node.mailbox<Claim>();
        for (;;) {
          try {
            await claims.receive({ timeoutMs: 100 });
          } catch {
            leaders.add('second');
            node.note('leads');
            return;
          }
        }
      });
      await sim.sleep(500);
    },
    { 'first to second message fault': 'highest', 'network partition delay': 3 },
  );
  expect(lines).toMatchInlineSnapshot(`
    [
      "partition fails at 101 ms: "one leads" does not hold, when the network is partitioned: first | second, for 400 ms.",
      "1   second gets first's claim to lead term 1 from first",
      "20 ? the network is partitioned: first | second, for 400 ms  (by a sleep of first, set at the start)",
      "20   first's claim to lead term 1 from first to second is lost: the network is partitioned, 5 times until 100 ms",
      "101   second notes: leads  (by "second waits for a message", set at 1 ms)",
      "101 ! "one leads" does not hold",
      "Without this, nothing would have failed: the network is partitioned: first | second, for 400 ms.",
      "In the passing execution: 21 ms: second gets first's claim to lead term 1 from first. In the failing execution: 101 ms: second notes: leads.",
    ]
  `);
});

test('what would have held of another partition names the nodes', async () => {
  const lines = await explained(
    'halves',
    async (sim) => {
      const heard = new Set<string>();
      const net = createNetwork(sim, { latencyMs: 1, faults: { partition: true, outageMs: 400 } });
      net.node('a', async (node) => {
        await node.sleep(20);
        node.send('c', 'a is here');
        await node.sleep(100);
      });
      for (const name of ['b', 'd']) net.node(name, (node) => node.sleep(100));
      net.node('c', async (node) => {
        heard.add(String(await node.mailbox<string>().receive()));
      });
      await sim.sleep(50);
      sim.check(heard.size > 0, 'c hears from a');
    },
    { 'a to c message fault': 'highest', 'network partition delay': 3, 'network partition': 4 },
  );
  expect(lines).toContain(
    'If the network had been partitioned a | b instead of a, b | d, c, nothing would have failed.',
  );
});

test('a circle of locks', async () => {
  const lines = await explained(
    'circle',
    async (sim) => {
      const jobs = createMutex(sim.world, { name: 'jobs' });
      const results = createMutex(sim.world, { name: 'results' });
      const move = (owner: string, first: typeof jobs, second: typeof jobs): Promise<void> =>
        first.run(
          async () => {
            await sim.sleep(10, `${owner} works`);
            await second.run(() => undefined, { owner });
          },
          { owner },
        );
      const delay = sim.pick('start of b', [100, 0], (ms) => `${ms} ms`);
      await Promise.all([
        move('a', jobs, results),
        sim.sleep(delay, 'b starts').then(() => move('b', results, jobs)),
      ]);
    },
    { 'start of b': 1 },
  );
  expect(lines).toMatchInlineSnapshot(`
    [
      "circle fails at 10 ms: Deadlock: nothing is due any more, and there is a circular wait: a → mutex results (b) → mutex jobs (a), when "start of b" is 0 ms.",
      "0 ? "start of b" is 0 ms",
      "0   a took mutex jobs",
      "0   b took mutex results  (by "b starts", set at the start)",
      "10   a waits for mutex results  (by "a works", set at the start)",
      "10   b waits for mutex jobs  (by "b works", set at 0 ms by "b starts")",
      "10 ! Deadlock: nothing is due any more, and there is a circular wait",
      "If "start of b" had been 100 ms instead of 0 ms, nothing would have failed.",
      "In the passing execution: 10 ms: a took mutex results. In the failing execution: 0 ms: b took mutex results.",
    ]
  `);
});

test('of heartbeats, writes and syncs that repeat only the ones beside the crash are shown', async () => {
  const lines = await explained(
    'busy',
    async (sim) => {
      const net = createNetwork(sim, { latencyMs: 1 });
      net.node('peer', ({ onMessage }) => onMessage(() => undefined));
      const program = async ({ disk, send, sleep, world }: NodeContext): Promise<void> => {
        if ((await disk.list()).length > 0) return;
        const guard = createMutex(world, { name: 'guard' });
        for (let beat = 1; beat <= 20; beat += 1) {
          await guard.run(() => undefined);
          await disk.append('journal', 'x'.repeat(beat));
          if (beat < 20) await disk.sync('journal');
          send('peer', 'beat');
          await sleep(10);
        }
      };
      const node = net.node('busy', program, { faults: { crash: 16 } });
      await sim.sleep(300);
      sim.check(node.incarnation === 0, 'it has crashed');
    },
    {},
    ({ question, n, occurrence }) =>
      question === 'busy crash at busy sleep fault' && occurrence === 19 ? n - 1 : undefined,
  );
  const shown = (text: string): readonly string[] => lines.filter((line) => line.includes(text));
  expect(shown('appends')).toEqual(['190   busy appends to journal (20 bytes)']);
  expect(shown('syncs journal')).toEqual(['180   busy syncs journal']);
  expect(shown('"beat"').length).toBeLessThanOrEqual(2);
  // No failure names the lock.
  expect(shown('mutex guard')).toEqual([]);
});

test('of many calls those are shown whose method and values the failure has', async () => {
  const lines = await explained(
    'register',
    async (sim) => {
      const net = createNetwork(sim, { latencyMs: 1, faults: { lose: true } });
      let value = 0;
      net.node('register', () => ({ set: (to: number): number => (value = to), get: () => value }));
      const stub = net.connect<{ set(to: number): number; get(): number }>('register', { timeoutMs: 5 });
      await stub.set(77);
      for (let round = 1; round <= 15; round += 1) await stub.set(round).catch(() => 0);
      const got = await stub.get();
      sim.check(got === 15, `get said 14 though set(77) had returned`);
    },
    {},
    ({ question, n, occurrence }) =>
      question === 'scenario to register set fault' && occurrence === 15 ? n - 1 : undefined,
  );
  expect(lines).toContain('2   scenario gets 77 from set(77) of register, called at 0 ms');
  expect(lines.filter((line) => line.includes('scenario gets 3 from'))).toEqual([]);
});

test('what a node has said last before it crashed is shown', async () => {
  const lines = await explained(
    'promise',
    async (sim) => {
      const net = createNetwork(sim, { latencyMs: 1 });
      const kept = new Set<number>();
      net.node(
        'keeper',
        ({ incarnation }) => {
          if (incarnation > 0) kept.clear();
          return {
            keep(what: number): string {
              kept.add(what);
              return `kept ${what}`;
            },
          };
        },
        { faults: { crash: 16 } },
      );
      const stub = net.connect<{ keep(what: number): string }>('keeper', { timeoutMs: 5 });
      for (let what = 1; what <= 40; what += 1) await stub.keep(what).catch(() => '');
      await sim.sleep(100);
      sim.check(kept.size === 40, 'something is missing');
    },
    {},
    ({ question, n, occurrence }) =>
      question === 'keeper crash at scenario to keeper keep fault' && occurrence === 19 ? n - 1 : undefined,
  );
  expect(lines).toContain('38   scenario gets "kept 19" from keep(19) of keeper, called at 36 ms');
});

test('what led to the failure is shown, whatever else happens meanwhile', async () => {
  const lines = await explained(
    'chain',
    async (sim) => {
      let isBroken = false;
      sim.always('it is whole', () => !isBroken);
      const net = createNetwork(sim, { latencyMs: 1 });
      const methods = Array.from({ length: 15 }, (_, index) => [`ask${index}`, () => index] as const);
      net.node('wiki', () => Object.fromEntries(methods));
      net.node('reader', async ({ connect }) => {
        const wiki = connect<Record<string, () => number>>('wiki');
        for (const [name] of methods) await wiki[name]?.();
      });
      net.node('last', ({ onMessage }) => onMessage(() => void (isBroken = true)));
      net.node('middle', ({ onMessage, send, sleep }) =>
        onMessage(async () => {
          await sleep(40);
          send('last', 'break');
        }),
      );
      net.node('first', ({ send }) => send('middle', 'pass it on'));
      await sim.sleep(100);
    },
    {},
  );
  expect(lines).toContain('1   middle gets "pass it on" from first');
  expect(lines).toContain('42   last gets "break" from middle  (sent at 41 ms by a sleep of middle)');
});

test.each([
  [3, '5 ? n1 crashes just before it wakes', 'n1 is down for 250 ms'],
  [2, '5 ? n1 pauses just before it wakes', 'n1 is paused for 250 ms'],
  [1, '5 ? n1 becomes slow just before it wakes', 'n1 is slow for 2500 ms'],
])(
  'what strikes a node is said, and for how long, where one question asks for all kinds: answer %i',
  async (answer, struck, lasts) => {
    const kinds = ['', 'slow', 'pause', 'crash'];
    const lines = await explained(
      'struck',
      async (sim) => {
        const net = createNetwork(sim);
        const work = async (node: NodeContext): Promise<void> => {
          for (let round = 0; round < 4; round += 1) await node.sleep(5);
          node.note('done');
        };
        const faults = { crash: 8, pause: 8, slow: 8, strikesMax: 1 };
        const node = net.node('n1', work, { faults });
        let isStruck = false;
        sim.always('n1 works', () => {
          isStruck ||= node.state !== 'up';
          return !(isStruck && sim.now() >= 200);
        });
        await sim.sleep(300);
        sim.check(kinds[answer] !== 'slow' || sim.now() < 300, 'it is slow');
      },
      { 'n1 strike at n1 sleep fault': answer + 4, [`n1 ${kinds[answer]} at n1 sleep delay`]: 1 },
    );
    expect(lines).toContain(struck);
    expect(lines.join('\n')).toContain(lasts);
  },
);

test.each([
  [1, 'store crashes as put("b") of scenario arrives'],
  [2, 'store crashes as put("a") of scenario arrives (the 2nd such moment)'],
])(
  'what strikes as a call arrives counts the calls with the same arguments: question %i',
  async (asked, words) => {
    const [sentence = ''] = await explained(
      'counted',
      async (sim) => {
        const net = createNetwork(sim, { latencyMs: 1 });
        const store = net.node('store', () => ({ put: (value: string) => value }), { faults: { crash: 16 } });
        const stub = net.connect<{ put(value: string): string }>('store', { timeoutMs: 5 });
        for (const value of ['a', 'b', 'a']) await stub.put(value).catch(() => '');
        sim.check(store.incarnation === 0, 'it has crashed');
      },
      {},
      ({ question, n, occurrence }) =>
        question === 'store crash at scenario to store put fault' && occurrence === asked ? n - 1 : undefined,
    );
    expect(sentence).toBe(`counted fails at 6 ms: it has crashed, when ${words}.`);
  },
);

test.for([
  ['crash', { crash: 16 }],
  ['strike', { crash: 16, pause: 16 }],
] as const)(
  'a crash that is over before a call arrives is said in one clause, where it happens: asked as a %s',
  async ([asked, faults]) => {
    const lines = await explained(
      'idle-voter',
      async (sim) => {
        const net = createNetwork(sim, { latencyMs: 1 });
        const voter = () => {
          let vote: string | undefined;
          return { vote: (candidate: string) => (vote ??= candidate) === candidate };
        };
        net.node('n1', voter, { faults });
        const stub = net.connect<ReturnType<typeof voter>>('n1');
        const chosen = new Set<string>();
        for (const candidate of ['ann', 'ben', 'ben']) {
          if (await stub.vote(candidate).catch(() => false)) chosen.add(candidate);
        }
        sim.check(chosen.size === 1, 'n1 votes for both');
      },
      {},
      ({ question, n, occurrence }) =>
        (question === `n1 ${asked} at scenario to n1 vote fault` && occurrence === 2) ||
        question === 'n1 crash at scenario to n1 vote back fault'
          ? n - 1
          : undefined,
    );
    expect(lines).toMatchInlineSnapshot(`
      [
        "idle-voter fails at 6 ms: n1 votes for both, when n1 crashes and restarts before vote("ben") of scenario arrives (the 2nd such moment).",
        "2   scenario gets true from vote("ann") of n1, called at 0 ms",
        "4   scenario gets false from vote("ben") of n1, called at 2 ms",
        "5 ? n1 crashes and restarts before vote("ben") of scenario arrives (the 2nd such moment)",
        "5   n1 restarts",
        "6   scenario gets true from vote("ben") of n1, called at 4 ms",
        "6 ! n1 votes for both",
        "Without this, nothing would have failed: n1 crashes and restarts before vote("ben") of scenario arrives (the 2nd such moment).",
        "In the passing execution: 5 ms: n1 gets scenario's call vote("ben"). In the failing execution: 5 ms: n1 restarts.",
      ]
    `);
  },
);

/** Two clients ask for a lock each; the lock of the second is looked at. */
const locking = async (sim: Simulation): Promise<void> => {
  const net = createNetwork(sim, { latencyMs: [1, 8] });
  net.node('locks', () => ({ acquire: (lock: string, client: number) => `${lock} ${client}` }));
  const order: number[] = [];
  for (const client of [1, 2]) {
    net.node(`c${client}`, async ({ connect }) => {
      await connect<{ acquire(lock: string, client: number): string }>('locks').acquire('a', client);
      order.push(client);
    });
  }
  await sim.sleep(50);
  sim.check(order[0] === 1, 'the second was first');
};

test.each<[Answers, string]>([
  [
    { 'locks to c1 reply to acquire delay': 7 },
    'the answer "a 1" of locks to c1\'s call acquire("a", 1) is delayed by',
  ],
  [
    { 'order locks to c1 reply to acquire': 1, 'order locks to c2 reply to acquire': 1 },
    'the arrival at c2 of the answer "a 2" to acquire("a", 2) from locks comes before the arrival at c1 of the answer "a 1" to acquire("a", 1) from locks',
  ],
])('an answer shows the arguments of its call: %s', async (answers, words) => {
  const [sentence] = await explained('answers', locking, answers);
  expect(sentence).toContain(words);
});

/** A store whose last record is torn, beside nodes that send, call, write and note all the time. */
const tearing = async (sim: Simulation): Promise<void> => {
  const net = createNetwork(sim, { latencyMs: [1, 9] });
  interface Store {
    add(record: string): Promise<void>;
    records(): string[];
  }
  net.node(
    'store',
    async ({ disk }): Promise<Store> => {
      const files = await disk.list();
      const text = files.includes('log') ? await disk.readText('log') : '';
      const records = text.split('\n').filter((record) => record !== '');
      return {
        async add(record) {
          await disk.append('log', `${record}\n`);
          records.push(record);
          await disk.sync('log');
        },
        records: () => records,
      };
    },
    { faults: { crash: 32 }, restartMs: 20 },
  );
  net.node('monitor', ({ onMessage }) => onMessage(() => undefined));
  for (const name of ['c1', 'c2']) {
    net.node(name, async ({ connect, send, sleep, disk, note }) => {
      const store = connect<Store>('store', { timeoutMs: 40 });
      for (let round = 0; round < 12; round += 1) {
        send('monitor', `beat ${round}`);
        await store.records().catch(() => []);
        await disk.append('seen', 'x');
        note(`looks, round ${round}`);
        note('is well');
        await sleep(7);
      }
    });
  }
  const store = net.connect<Store>('store', { timeoutMs: 60 });
  for (const record of ['first', 'second']) await store.add(record).catch(() => undefined);
  await sim.sleep(200);
  const found = (await store.records()).find((record) => !['first', 'second'].includes(record));
  sim.check(found === undefined, `the store has a part of a record: ${found}`);
};

/** The store crashes as it syncs its second record, of which some bytes stay. */
const torn = ({ question, n, occurrence }: { question: string; n: number; occurrence: number }) => {
  if (question === 'store crash at store sync log fault') return occurrence === 1 ? n - 1 : undefined;
  if (question === 'store lost log fault') return n - 1;
  if (question === 'store torn log fault') return n - 1;
  return undefined;
};

test('a torn write is shown with what led to it and who reads it, however much happens beside', async () => {
  const lines = await explained('tearing', tearing, {}, torn);
  expect(lines).toMatchInlineSnapshot(`
    [
      "tearing fails at 206 ms: the store has a part of a record: s, when store crashes just before it has synced log (the 2nd such moment) and store loses the last write to log (7 bytes) and the lost write to log on store is torn: 1 of its 7 bytes is kept.",
      "2   add("first") of store, called by scenario at 0 ms, has returned",
      "3   store gets scenario's call add("second")",
      "3   store appends to log (7 bytes)",
      "3 ? store crashes just before it has synced log (the 2nd such moment)",
      "3 ? store loses the last write to log (7 bytes)",
      "3 ? the lost write to log on store is torn: 1 of its 7 bytes is kept",
      "3   log on store has 7 bytes left, of which 1 was not synced",
      "3   store restarts",
      "3   store reads log (7 bytes)",
      "4   add("second") of store, called by scenario at 2 ms, fails: store went down before it answered add",
      "206   scenario gets ["first", "s"] from records() of store, called at 204 ms",
      "206 ! the store has a part of a record: s",
      "Without this, nothing would have failed: the lost write to log on store is torn: 1 of its 7 bytes is kept.",
      "In the passing execution: 3 ms: log on store has 6 bytes left, all synced. In the failing execution: 3 ms: the lost write to log on store is torn: 1 of its 7 bytes is kept.",
    ]
  `);
});

test('of notes that repeat the first and the last are shown, the last with how many there were', async () => {
  const lines = await explained(
    'notes',
    async (sim) => {
      const net = createNetwork(sim, { latencyMs: 1 });
      net.node('job', async ({ note, sleep }) => {
        for (let round = 0; round < 40; round += 1) {
          note('is well');
          note(`round ${round}`);
          await sleep(5);
        }
      });
      await sim.sleep(102);
      sim.note('the evidence');
      await sim.sleep(200);
      sim.check(false, 'job has missed round 17');
    },
    {},
  );
  expect(lines.filter((line) => line.includes('notes: is well'))).toEqual([
    '0   job notes: is well',
    expect.stringMatching(/^195   job notes: is well, for the 40th time/),
  ]);
  expect(
    lines.filter((line) => line.includes('notes: round')).map((line) => line.replace(/  \(.*/, '')),
  ).toEqual(['0   job notes: round 0', '85   job notes: round 17', '195   job notes: round 39']);
  expect(lines.some((line) => line.includes('the evidence'))).toBe(true);
});

test('faults and what came of them stand before other decisions where there are too many to show', async () => {
  const lines = await explained('crowd', tearing, {}, (asked) =>
    asked.question.endsWith(' delay') && asked.n > 2 ? (asked.occurrence % 3) + 1 : torn(asked),
  );
  expect(lines.filter((line) => line.includes(' ? ')).map((line) => line.slice(0, 60)))
    .toMatchInlineSnapshot(`
    [
      "7 ? store crashes just before it has synced log (the 2nd suc",
      "7 ? store loses the last write to log (7 bytes)",
      "7 ? the lost write to log on store is torn: 1 of its 7 bytes",
    ]
  `);
  expect(lines).toContain('7   store appends to log (7 bytes)');
  expect(lines).toContain('7   log on store has 7 bytes left, of which 1 was not synced');
});

test('of two networks, each answer is shown with its own call', async () => {
  const lines = await explained(
    'two-networks',
    async (sim) => {
      const [shops, banks] = [1, 5].map((latencyMs) => createNetwork(sim, { latencyMs }));
      shops?.node('shop', () => ({ sell: (what: string) => `sold ${what}` }));
      banks?.node('bank', () => ({ pay: (amount: number) => `paid ${amount}` }));
      const answers = await Promise.all([
        shops?.connect<{ sell(what: string): string }>('shop').sell('ring'),
        banks?.connect<{ pay(amount: number): string }>('bank').pay(5),
      ]);
      sim.check(false, answers.join(', '));
    },
    {},
  );
  expect(lines).toContain('2   scenario gets "sold ring" from sell("ring") of shop, called at 0 ms');
  expect(lines).toContain('10   scenario gets "paid 5" from pay(5) of bank, called at 0 ms');
});
