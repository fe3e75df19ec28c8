/**
 * What a link may do to a message, and how a history shows it. Invariant: each case runs in the plain order of events,
 * with exactly the faults that it asks for.
 */
import type { NetworkOptions } from '../../../cluster/network.ts';
import { isCallLost } from '../../../cluster/sent-error.ts';
import { withCallOptions } from '../../../cluster/stub.ts';
import type { Simulation } from '../../../simulation/simulation.ts';
import { checkEqual, checkThat } from '../../check.ts';
import { answering, codeOf, inWords, meanwhile, ofOurWords, refusalOf } from '../part-case.ts';
import { type PlayAnswers, type Played, playHolding } from '../played.ts';
import {
  always,
  holds,
  looks,
  messagesAstray,
  type SimulatedNetworkSubject,
  type Spec,
  stepsOf,
} from './network-case.ts';
import { Counter, inbox } from './node-programs.ts';

/** Makes one call of `add(7)`, and returns its outcome. */
async function oneCall(
  subject: SimulatedNetworkSubject,
  options: NetworkOptions,
  answers: PlayAnswers,
  signal: AbortSignal | undefined,
): Promise<Played & { readonly calls: readonly number[]; readonly outcome: unknown; readonly atMs: number }> {
  const counter = new Counter();
  let outcome: unknown;
  let atMs = 0;
  const scenario = async (sim: Simulation): Promise<void> => {
    const net = subject.create(sim, options);
    const stub = net.through('counter', counter, { timeoutMs: 5_000 });
    outcome = await stub.add(7).catch((error: unknown) => (isCallLost(error) ? 'lost' : error));
    atMs = sim.now();
    await sim.sleep(10_000);
  };
  const played = await playHolding(scenario, answers, { signal });
  return { ...played, calls: counter.calls, outcome, atMs };
}

const CALL = 'scenario to counter add fault';
const REPLY = 'counter to scenario reply to add fault';
type OneCall = Awaited<ReturnType<typeof oneCall>>;

const once = (
  title: string,
  options: NetworkOptions,
  answers: PlayAnswers,
  look: (one: OneCall) => void,
): Spec =>
  answering(answers, {
    title,
    async prove(subject, { signal }) {
      look(await oneCall(subject, options, answers, signal));
    },
  });

const ALL = { lose: 16, duplicate: 16, reorder: 16, delay: 16, partition: 64, hold: 64 };

export const linkFaultCases: readonly Spec[] = [
  ofOurWords(
    once(
      'one question per message asks for all kinds of faults, and 0 is none',
      { faults: ALL },
      {},
      (one) => {
        checkEqual('the questions asked', one.asked, [`${CALL} = 0 of 64: `, `${REPLY} = 0 of 64: `]);
        checkEqual('the outcome', [one.calls, one.outcome, one.atMs], [[7], 1, 0]);
      },
    ),
  ),
  ofOurWords(
    once(
      'the rate of each kind can be set; true is one message in 16, and one in 64 for faults that last',
      { faults: { lose: true, duplicate: 32, hold: true, delay: false } },
      {},
      (one) => checkEqual('the questions asked', one.asked, [`${CALL} = 0 of 64: `, `${REPLY} = 0 of 64: `]),
    ),
  ),
  ofOurWords(
    once(
      'a lost call is not done, and its caller waits until its time limit',
      { faults: { lose: true, duplicate: true } },
      { [CALL]: 'highest' },
      (one) => {
        const words = 'the call add(7) from scenario to counter is lost';
        checkEqual('the questions asked', one.asked, [`${CALL} = 15 of 16: ${words}`]);
        checkEqual('the outcome', [one.calls, one.outcome, one.atMs], [[], 'lost', 5_000]);
        checkEqual('the history', one.lines, [
          '0 ms: scenario calls add(7) of counter',
          `0 ms: ${words}`,
          `0 ms: ${words}`,
        ]);
        checkEqual('the fault', one.events[1], {
          ...{ at: 0, type: 'fault', runner: 'scenario', operation: 'message', kind: 'lose', runId: '' },
          message: 'the call add(7) from scenario to counter',
        });
      },
    ),
  ),
  once('a call whose reply is lost is done', { faults: { lose: true } }, { [REPLY]: 'highest' }, (one) => {
    checkEqual('the outcome', [one.calls, one.outcome, one.atMs], [[7], 'lost', 5_000]);
    checkEqual('the fault', one.lines[3], "0 ms: the answer 1 of counter to scenario's call of add is lost");
  }),
  once(
    'a duplicated call runs twice, each after a delay of its own, and its caller takes the first answer',
    { faults: { duplicate: true }, latencyMs: 3 },
    { [CALL]: 'highest' },
    (one) => {
      checkEqual('the outcome', [one.calls, one.outcome, one.atMs], [[7, 7], 1, 6]);
      checkEqual('the calls', stepsOf(one, 'call'), ['sent', 'duplicated', 'delivered', 'delivered']);
      checkEqual('the replies', stepsOf(one, 'reply'), ['sent', 'sent', 'delivered', 'delivered']);
      checkThat(
        one.lines.includes('0 ms: the call add(7) from scenario to counter is duplicated'),
        'the history',
        'the fault',
        one.lines,
      );
    },
  ),
  ofOurWords(
    once(
      'a delayed message arrives as late as is decided',
      { faults: { delay: true, delayMs: 400 }, latencyMs: 1 },
      { [CALL]: 'highest', 'scenario to counter add late delay': 2 },
      (one) => {
        checkEqual('the time', one.atMs, 302);
        checkEqual(
          'the fault',
          one.lines[1],
          '0 ms: the call add(7) from scenario to counter is delayed by 300 ms',
        );
        checkEqual('the length', one.asked[1], 'scenario to counter add late delay = 2 of 4: 300');
      },
    ),
  ),
  ofOurWords(
    once(
      'a delay takes a second at most by default',
      { faults: { delay: true } },
      { [CALL]: 'highest', 'scenario to counter add late delay': 'highest' },
      (one) => checkEqual('the time', one.atMs, 1_000),
    ),
  ),
  once(
    'a reordered message that nothing overtakes comes after its bound',
    { faults: { reorder: true, reorderMs: 50 } },
    { [CALL]: 'highest' },
    (one) => {
      checkEqual('the time', one.atMs, 50);
      checkEqual('the calls', stepsOf(one, 'call'), ['sent', 'held', 'delivered']);
      checkEqual(
        'the fault',
        one.lines[1],
        '0 ms: the call add(7) from scenario to counter is held back until another overtakes it',
      );
    },
  ),
  once('that bound is a second by default', { faults: { reorder: true } }, { [CALL]: 'highest' }, (one) =>
    checkEqual('the time', one.atMs, 1_000),
  ),
  ofOurWords(
    once(
      'a link that keeps the order is not asked to reorder',
      { fifo: true, faults: { reorder: true } },
      {},
      (one) => checkEqual('the questions asked', one.asked, []),
    ),
  ),
  ofOurWords(
    holds(
      'a reordered message is overtaken by the next one on its link, not by those of other links',
      async (sim, make) => {
        const net = make({ faults: { reorder: true } });
        const { got } = inbox(sim, net);
        net.node('other', ({ onMessage }) => onMessage(() => undefined));
        net.send('inbox', 1);
        net.send('other', 0);
        await sim.sleep(1);
        checkEqual('the messages', got, []);
        net.send('inbox', 2);
        await sim.sleep(1);
        checkEqual('the messages', got, [2, 1]);
      },
      { 'scenario to inbox message fault': 'highest' },
    ),
  ),
  ofOurWords(
    holds(
      'a message that was sent before a reordered one does not overtake it',
      async (sim, make) => {
        const net = make({ latencyMs: 5, faults: { reorder: true } });
        const { got } = inbox(sim, net);
        net.send('inbox', { type: 'first' });
        net.send('inbox', { type: 'second' });
        await sim.sleep(10);
        checkEqual('the messages', got, [{ type: 'first' }]);
        net.send('inbox', { type: 'third' });
        await sim.sleep(20);
        checkEqual('the messages', got, [{ type: 'first' }, { type: 'third' }, { type: 'second' }]);
      },
      { 'scenario to inbox second fault': 'highest' },
    ),
  ),
  ofOurWords(
    looks(
      'faults strike as often as strikesMax says, and are then no longer asked for',
      async (sim, make) => {
        const counter = new Counter();
        const stub = make({ faults: { duplicate: true, strikesMax: 1 } }).through('counter', counter);
        await stub.add(1);
        await stub.add(2);
        await sim.sleep(1);
        checkEqual('the calls', counter.calls, [1, 1, 2]);
      },
      ({ asked }) => checkEqual('how often it was asked', asked.length, 1),
      { [CALL]: 'highest' },
    ),
  ),
  ofOurWords(
    looks(
      'the strikes of all links are counted together, except for a link with its own bound',
      async (sim, make) => {
        const net = make({
          faults: { duplicate: 2, strikesMax: 1 },
          links: (_from, to) => (to === 'own' ? { faults: { duplicate: 2, strikesMax: 5 } } : undefined),
        });
        const counters = { counter: new Counter(), other: new Counter(), own: new Counter() };
        for (const [name, counter] of Object.entries(counters)) await net.through(name, counter).add(1);
        await sim.sleep(1);
        checkEqual(
          'how often each was called',
          Object.values(counters).map(({ calls }) => calls.length),
          [2, 1, 2],
        );
      },
      ({ asked }) => checkEqual('how often it was asked', asked.length, 2),
      { [CALL]: 'highest', 'scenario to own add fault': 'highest' },
    ),
  ),
  ofOurWords(
    looks(
      'by default 64 strikes are the most',
      async (sim, make) => {
        const net = make({ faults: { lose: 2 } });
        net.node('inbox', ({ onMessage }) => onMessage(() => undefined));
        for (let n = 0; n < 80; n += 1) net.send('inbox', { type: `t${n}` });
        await sim.sleep(1);
      },
      ({ asked, verdict }) => checkEqual('questions and strikes', [asked.length, verdict.faults], [64, 64]),
      Object.fromEntries(Array.from({ length: 80 }, (_, n) => [`scenario to inbox t${n} fault`, 'highest'])),
    ),
  ),
  ofOurWords(
    looks(
      'heal delivers held messages at once, ends the questions, and rejects the calls that were lost',
      async (sim, make) => {
        const net = make({
          faults: { lose: 4, reorder: 4, reorderMs: 5_000, strikesMax: 2 },
          callTimeoutMs: Infinity,
        });
        const stub = net.through('counter', new Counter());
        const other = net.through('other', new Counter());
        const first = meanwhile(stub.add(1));
        const lost = refusalOf(() => other.add(1));
        await sim.sleep(10);
        sim.heal();
        checkEqual('the answer', await first, 1);
        checkEqual('the loss', await lost, 'RUNNER_CALL_LOST the call add to other was lost');
        checkEqual('the time', sim.now(), 10);
        checkEqual('the next answers', [await stub.add(2), await other.add(2)], [2, 1]);
      },
      ({ asked }) =>
        checkEqual('the questions asked', asked.filter((line) => line.includes('fault')).length, 2),
      { [CALL]: 2, 'scenario to other add fault': 'highest' },
    ),
  ),
  ofOurWords(
    holds(
      'heal ends a delay also on a fifo link, and what comes after it takes no longer than its latency',
      async (sim, make) => {
        const net = make({ fifo: true, latencyMs: 10, faults: { delay: 2, delayMs: 60_000, strikesMax: 1 } });
        const { got, times } = inbox(sim, net);
        net.send('inbox', 1);
        await sim.sleep(20);
        net.send('inbox', 2);
        await sim.sleep(5);
        checkEqual('the messages received', got, []);
        sim.heal();
        await sim.sleep(100);
        checkEqual(
          'the messages received',
          [got, times],
          [
            [1, 2],
            [25, 30],
          ],
        );
      },
      { 'scenario to inbox message fault': 'highest' },
    ),
  ),
  inWords((said) =>
    looks(
      'heal rejects a call whose answer was lost, unless its caller has given up',
      async (sim, make) => {
        const counter = new Counter();
        const stub = make({ faults: { lose: true }, callTimeoutMs: 5 }).through('counter', counter);
        said.equal('the code', await codeOf(() => stub.add(1)), 'RUNNER_CALL_TIMED_OUT');
        const waiting = refusalOf(() => withCallOptions(stub, { timeoutMs: Infinity }).add(2));
        await sim.sleep(1);
        sim.heal();
        said.equal('the loss', await waiting, 'RUNNER_CALL_LOST the answer of counter to add was lost');
        said.equal('the calls', counter.calls, [2]);
      },
      (played) => said.equal('the errors', stepsOf(played, 'error'), ['sent', 'delivered']),
      { [CALL]: 'highest', [REPLY]: 'highest' },
    ),
  ),
  ofOurWords(
    looks(
      'if one copy of a duplicated call was served, the refusal of the other does not say that it was not done',
      async (_sim, make) => {
        const served: number[] = [];
        const net = make({ faults: { duplicate: true } });
        const node = net.node('counter', () => ({
          add(n: number) {
            served.push(n);
            node.crash();
          },
        }));
        const refusal = await refusalOf(() => net.connect<{ add(n: number): void }>('counter').add(1));
        checkEqual('what was served', served, [1]);
        checkEqual(
          'the refusal',
          refusal,
          'RUNNER_CALL_LOST counter is down: one of two copies of add was refused',
        );
      },
      (played) =>
        checkEqual('the calls', stepsOf(played, 'call'), ['sent', 'duplicated', 'delivered', 'refused']),
      { [CALL]: 'highest', 'scenario to counter add hang fault': 'highest' },
    ),
  ),
  always(
    'under any faults, each copy of a message is delivered, refused or lost exactly once',
    12,
    async (sim, make) => {
      const net = make({
        latencyMs: [0, 10],
        callTimeoutMs: 40,
        faults: { lose: 8, duplicate: 8, reorder: 8, delay: 16, partition: 32, hold: 32 },
      });
      const served = new Map<number, number>();
      net.node('server', () => ({ take: (n: number) => served.set(n, (served.get(n) ?? 0) + 1).size }));
      const stub = net.connect<{ take(n: number): number }>('server');
      for (let n = 0; n < 20; n += 1) {
        const outcome = await stub.take(n).then(
          () => 'done',
          (error: unknown) => (isCallLost(error) ? 'lost' : error),
        );
        checkThat(outcome === 'done' || outcome === 'lost', 'the outcome', 'done or lost', outcome);
        if (outcome === 'done') checkThat(served.has(n), 'a call that was answered', 'done', n);
      }
      sim.heal();
      await sim.sleep(5_000);
      for (const [n, times] of served) checkThat(times <= 2, `call ${n}`, 'done twice at most', times);
      checkEqual('a call after all faults', await codeOf(() => stub.take(99)), 'none');
    },
    (executions) => {
      for (const events of executions) checkEqual('messages with another end', messagesAstray(events), []);
      const struck = new Set(
        executions.flat().flatMap((event) => (event.type === 'fault' ? [event.kind] : [])),
      );
      for (const kind of ['lose', 'duplicate', 'reorder', 'delay', 'partition', 'hold']) {
        checkThat(struck.has(kind), 'the faults that struck', kind, [...struck]);
      }
    },
  ),
];
