import { expect, test } from 'vitest';
import {
  frameOf,
  framesOf,
  framesOfThrower,
  hasUserFrame,
  shortPlaceOf,
} from '../../../src/explore/explain/source-place.ts';

const OWN = new URL('../../../src/runners/queue/queue-runner.ts', import.meta.url);

test.for([
  ['at run (file:///work/pool.ts:3:5)', 'run (/work/pool.ts:3:5)'],
  ['at async file:///work/my%20pool/j%C3%B6b.ts:3:5', '/work/my pool/jöb.ts:3:5'],
  ['at async Pool.run (file:///work/my%20pool/job.ts:3:5)', 'Pool.run (/work/my pool/job.ts:3:5)'],
  ['at Object.<anonymous> (/work/my pool/job.cjs:3:5)', 'Object.<anonymous> (/work/my pool/job.cjs:3:5)'],
  ['at /work/my pool/job.cjs:3:5', '/work/my pool/job.cjs:3:5'],
  ['at file:///work/100%.ts:3:5', '/work/100%.ts:3:5'],
  ['at net.node.faults.crash (/work/pool.ts:3:5)', '/work/pool.ts:3:5'],
  ['at async net.node.onError (file:///work/pool.ts:3:5)', '/work/pool.ts:3:5'],
  ['at __vite_ssr_import_12__.Pool.run (/work/pool.ts:3:5)', 'Pool.run (/work/pool.ts:3:5)'],
] as const)('the line "%s" is shown as %s', ([line, frame]) => {
  expect(framesOf(`Error: x\n    ${line}`)).toEqual([frame]);
  expect(hasUserFrame(line)).toBe(true);
});

test.for([
  'at async Promise.all (index 0)',
  'at new Promise (<anonymous>)',
  'at process.processTicksAndRejections (node:internal/process/task_queues:95:5)',
  'at run (/work/node_modules/vitest/dist/run.js:3:5)',
  'a line of the message',
  'at __dryrunnerAwait (/work/pool.ts:44:165)',
  'at async __dryrunnerEach (file:///work/pool.ts:44:165)',
  'at __dryrunnerAwait$1 (/work/pool.ts:44:165)',
])('the line "%s" is left out', (line) => {
  expect(framesOf(line)).toEqual([]);
});

test.for([
  'runners/queue/queue-runner.ts',
  'network/delays.ts',
  'call/intercept-service.ts',
  'store/waits.ts',
])('a line of %s is no place, unless it has thrown and no line of the user led there', (path) => {
  const file = new URL(`../../../src/${path}`, import.meta.url);
  const own = `at Part.act (${file.href}:3:5)`;
  const both = [own, 'at file:///work/pool.ts:1:1'].join('\n');
  const frame = `Part.act (${decodeURIComponent(file.pathname)}:3:5)`;
  expect(hasUserFrame(own)).toBe(false);
  expect(framesOf(own)).toEqual([]);
  expect(framesOf(both)).toEqual(['/work/pool.ts:1:1']);
  expect(framesOfThrower(own)).toEqual([frame]);
  expect(framesOfThrower(both)).toEqual(['/work/pool.ts:1:1']);
});

test('packages of others that lie beside scenarios are not shown', () => {
  const queue = new URL('../../../sims/foreign/node_modules/p-queue/dist/index.js', import.meta.url).pathname;
  expect(framesOf([`at Queue.add (${queue}:1:1)`, 'at work (/work/pool.ts:2:2)'].join('\n'))).toEqual([
    'work (/work/pool.ts:2:2)',
  ]);
});

test('X8 a shipped scenario is a user’s line when compiled too', () => {
  const called = new URL('../../../src/network/chaos-runner.ts', import.meta.url).pathname;
  const scenario = new URL('../../../src/sims/zoo/clients.js', import.meta.url).pathname;
  const stack = [
    `at Passage.take (${OWN.pathname}:1:1)`,
    `at Runner.run (${called}:2:2)`,
    `at pick (${scenario}:3:3)`,
    `at Client.work (${scenario}:4:4)`,
  ].join('\n');
  expect(framesOf(stack)).toEqual([`pick (${scenario}:3:3)`, `Client.work (${scenario}:4:4)`]);
  expect(shortPlaceOf(stack)).toBe('in pick (clients.js:3)');
});

test.for(['sims/zoo/odds.ts', 'dist/sims/zoo/odds.js'])(
  'X8 a draw in %s is no place: the line that asks for it is',
  (path) => {
    const helper = new URL(`../../../${path}`, import.meta.url).pathname;
    const caller = helper.replace('odds', 'busy-clients');
    const stack = [
      `at pickIndex (${helper}:35:17)`,
      `at Module.pick (file://${helper}:24:17)`,
      `at Client.work (file://${caller}:4:4)`,
    ].join('\n');
    expect(framesOf(stack)).toEqual([`Client.work (${decodeURIComponent(caller)}:4:4)`]);
    expect(framesOfThrower(stack)).toEqual(framesOf(stack));
    expect(shortPlaceOf(stack)).toMatch(/^in Client\.work \(busy-clients\.[jt]s:4\)$/);
  },
);

test('a line that is in dryrunner, but not in its package, is shown without a path', () => {
  const line = `at QueueRunner.run (${OWN.href}:3:5)`;
  expect(frameOf(line, false)).toBe('QueueRunner.run (dryrunner)');
  expect(frameOf(`at ${OWN.href}:3:5`, false)).toBe('dryrunner');
  expect(frameOf(line, true)).toBe(`QueueRunner.run (${decodeURIComponent(OWN.pathname)}:3:5)`);
  expect(frameOf('at run (/work/pool.ts:3:5)', false)).toBe('run (/work/pool.ts:3:5)');
});

test('the steps of a workload are not shown', () => {
  const step = new URL('../../../src/conformance/workload/runner-client.ts', import.meta.url).pathname;
  expect(framesOf(`at RunnerClient.live (${step}:3:5)`)).toEqual([]);
});
