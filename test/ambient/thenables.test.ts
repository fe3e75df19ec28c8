// Objects with a `then` that are not promises, such as the query builders of database packages: a call of `then` runs the query.
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { simulate } from 'dryrunner';
import { ambientTime, rewriteAwaits, type AmbientOptions } from 'dryrunner/ambient';
import { createNetwork } from 'dryrunner/cluster';
import { fifoDecisions, randomDecisions } from 'dryrunner/kernel';
import { functionOf } from './awaits/async-program.ts';

type Query = (name: string) => object;
type Program = (log: (entry: string) => void, query: Query) => unknown;

const compiled = (code: string): Program =>
  functionOf(['log', 'query'], `return (async () => {${code}\n})()`) as Program;

const queriesTo =
  (log: (entry: string) => void): Query =>
  (name) => ({
    then(onFulfilled?: (value: string) => void) {
      log(`${name} runs`);
      onFulfilled?.(`rows of ${name}`);
    },
  });

const PROGRAMS = {
  'is awaited': 'log(await query("q"))',
  'is awaited twice': 'const q = query("q"); log(await q); log(await q)',
  'is awaited by two at once':
    'const q = query("q"); await Promise.all([(async () => log(await q))(), (async () => log(await q))()])',
  'is returned': 'const f = async () => query("q"); log(await f())',
  'is returned and awaited': 'const f = async () => await query("q"); log(await f())',
  'is returned by a function that nobody awaits':
    'const f = async () => query("q"); void f(); await null; await null; await null',
  'resolves a promise': 'log(await new Promise((resolve) => resolve(query("q"))))',
  'is combined': 'log((await Promise.all([query("a"), query("b")])).join())',
  races: 'log(await Promise.race([query("a"), query("b")]))',
  'is an argument':
    'const f = async (q) => { await null; return [q]; }; const [q] = await f(query("q")); log(typeof q)',
  'is in an object': 'const f = async () => ({ q: query("q") }); const { q } = await f(); log(typeof q)',
  'is an argument of timers': `
    const q = query("q");
    await new Promise((resolve) => setTimeout((given) => resolve([given]), 5, q));
    await new Promise((resolve) => setImmediate((given) => resolve([given]), q));
    process.nextTick(() => q, q); queueMicrotask(() => q); await null`,
  'is returned by callbacks': `
    await new Promise((resolve) => { setTimeout(() => { resolve(); return query("q"); }, 5); });
    await new Promise((resolve) => { setImmediate(() => { resolve(); return query("q"); }); });
    const timer = setInterval(() => query("q"), 1);
    await new Promise((resolve) => { setTimeout(resolve, 5); });
    clearInterval(timer); queueMicrotask(() => query("q")); process.nextTick(() => query("q")); await null`,
  'is returned by a reaction': 'log(await Promise.resolve(1).then(() => query("q")))',
  'is returned by a last reaction': 'log(await Promise.resolve(1).finally(() => query("q")))',
  'comes from for await over a list': 'for await (const row of [query("a"), query("b")]) log(row)',
  'is yielded':
    'async function* f() { yield query("a"); yield* [query("b")]; return query("c"); } for await (const row of f()) log(row)',
  'is thrown':
    'try { throw query("q"); } catch (q) { log(typeof q); } try { await Promise.reject(query("q")); } catch (q) { log(typeof q); }',
} as const;

async function nativeLog(code: string): Promise<readonly string[]> {
  const log: string[] = [];
  const note = (entry: string): void => void log.push(String(entry));
  await compiled(code)(note, queriesTo(note));
  await turn();
  return log;
}

async function simulatedLog(
  code: string,
  options: AmbientOptions,
  seed?: number,
  isOnNode = false,
): Promise<readonly string[]> {
  const log: string[] = [];
  const note = (entry: string): void => void log.push(String(entry));
  const program = compiled(code);
  const { failure } = await simulate({
    ambient: ambientTime(options),
    source: seed === undefined ? fifoDecisions() : randomDecisions(seed),
    scenario: async (sim) => {
      if (isOnNode) {
        createNetwork(sim).node('a', () => {
          void program(note, queriesTo(note));
        });
      } else await program(note, queriesTo(note));
      await sim.sleep(50);
    },
  });
  expect(failure).toBeUndefined();
  return log;
}

const SEEDS = 10;
const LEVELS: readonly AmbientOptions[] = [
  {},
  { awaits: 'hops' },
  { awaits: 'latency' },
  { awaits: 'hops', thens: true },
  { awaits: 'latency', thens: true },
];

const runsIn = (log: readonly string[]): string[] =>
  log.filter((entry) => entry.endsWith(' runs')).toSorted();

describe.each(Object.entries(PROGRAMS))('a query that %s', (_, code) => {
  const rewritten = rewriteAwaits(code, { file: '/code/q.js' })?.code ?? code;

  test.each([false, true])('runs as often as natively; on a node: %s', async (isOnNode) => {
    const native = await nativeLog(code);
    for (const options of LEVELS) {
      const title = JSON.stringify(options);
      expect(await simulatedLog(rewritten, options, undefined, isOnNode), title).toEqual(native);
      for (let seed = 1; seed <= SEEDS; seed += 1) {
        const log = await simulatedLog(rewritten, options, seed, isOnNode);
        expect(runsIn(log), `${title}, seed ${seed}`).toEqual(runsIn(native));
      }
    }
  });
});

test('a query that a timer of a process or a handler of messages returns does not run', async () => {
  const log: string[] = [];
  const query = queriesTo((entry) => log.push(entry));
  const { failure } = await simulate({
    source: fifoDecisions(),
    scenario: async (sim) => {
      const net = createNetwork(sim);
      net.node('a', ({ world, onMessage }) => {
        world.clock.timer('look', 5, () => query('timer'));
        onMessage(() => query('handler'));
      });
      net.node('b', ({ send }) => send('a', 'hello'));
      await sim.sleep(50);
    },
  });
  expect([failure, log]).toEqual([undefined, []]);
});
