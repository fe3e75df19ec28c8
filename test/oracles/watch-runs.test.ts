import { describe, expect, test } from 'vitest';
import { defaultOracles, defaultRules } from '../../src/oracles/default-oracles.ts';
import { oneTerminal, statePath } from '../../src/oracles/run-rules.ts';
import type { Violation } from '../../src/oracles/oracle.ts';
import { watchRuns } from '../../src/oracles/watch-runs.ts';
import { WatchedRunner } from '../../src/oracles/watched-runner.ts';
import { HandMadeTrace, statusOf, violationsOf } from './hand-made-trace.ts';

describe('watching runs', () => {
  test('only the requested rules are reported, in their order', () => {
    const trace = new HandMadeTrace().run('0').status('0', 'RUNNING');
    expect(violationsOf(trace, [oneTerminal, statePath]).map(({ rule }) => rule)).toEqual(['R200', 'R201']);
    expect(violationsOf(trace, [statePath, oneTerminal]).map(({ rule }) => rule)).toEqual(['R201', 'R200']);
    expect(violationsOf(trace, [statePath])).toMatchObject([
      { message: 'run 0 on r cannot go from COMPLETE to RUNNING' },
    ]);
    expect(violationsOf(trace, [])).toEqual([]);
  });

  test('runs of the same id on different runners are different runs', () => {
    const one = new HandMadeTrace('one').accept('0').start('0');
    const two = new HandMadeTrace('two').accept('0').start('0').cleanUp('0').status('0', 'COMPLETE');
    const both = new HandMadeTrace();
    for (let index = 0; index < two.events.length; index += 1) {
      both.events.push(...[one.events[index], two.events[index]].flatMap((event) => event ?? []));
    }
    expect(violationsOf(both)).toEqual([]);
  });

  test('facts of one trace do not leak into another', () => {
    const [factory] = defaultOracles();
    const found: Violation[] = [];
    for (let turn = 0; turn < 2; turn += 1) {
      const oracle = factory!((violation) => found.push(violation));
      for (const event of new HandMadeTrace().accept('0').start('0').events) oracle.watch(event);
    }
    expect(found).toEqual([]);
  });

  test('the default rules are those that a trace alone can break', () => {
    expect(defaultRules.map(({ rule }) => rule)).toEqual([
      ...['R200', 'R201', 'R202', 'R203', 'R204', 'R205', 'R206', 'R208'],
    ]);
    expect(defaultOracles()).toHaveLength(1);
  });

  test('events without a run are ignored', () => {
    const found: Violation[] = [];
    const oracle = watchRuns(defaultRules)((violation) => found.push(violation));
    const at = 0;
    oracle.watch({ at, type: 'note', runner: 'r', text: 'x' });
    oracle.watch({ at, type: 'abort', runner: 'r', runId: '9' });
    oracle.watch({ at, type: 'evicted', runner: 'r', runId: '9' });
    oracle.watch({ at, type: 'freed', runner: 'r', runId: '9', resource: 'checkout', name: 'x' });
    oracle.watch({ at, type: 'dropped', runner: 'r', status: statusOf('9', 'COMPLETE') });
    oracle.watch({ at, type: 'fault', runner: 'r', operation: 'run', kind: 'before', runId: '9' });
    oracle.end(0);
    expect(found).toEqual([]);
  });
});

describe('memory of a watched runner', () => {
  function play(runs: number, evicting: boolean): WatchedRunner {
    const runner = new WatchedRunner('r');
    for (let id = 0; id < runs; id += 1) {
      const run = runner.add(String(id));
      runner.start(run);
      run.status = statusOf(String(id), 'COMPLETE');
      runner.end(run);
      if (evicting) runner.forget(run);
    }
    return runner;
  }

  test('does not grow with the number of runs, evicted or not', () => {
    expect([...play(5_000, false).runs].length).toBe(256);
    expect([...play(5_000, true).runs].length).toBe(0);
    expect(play(5_000, false)).toMatchObject({ ended: 5_000, queued: 0, working: 0 });
  });

  test('keeps runs that are open or still hold something, however old', () => {
    const runner = new WatchedRunner('r');
    const holding = runner.add('holding');
    holding.take('checkout');
    holding.status = statusOf('holding', 'COMPLETE');
    runner.end(holding);
    const open = runner.add('open');
    runner.forget(open);
    for (let id = 0; id < 1_000; id += 1) {
      const run = runner.add(String(id));
      run.status = statusOf(String(id), 'ABORTED');
      runner.end(run);
    }
    expect(runner.find('holding')).toBe(holding);
    expect(runner.find('open')).toBe(open);
    expect(runner.head()).toBe(open);
    expect(runner.find('0')).toBeUndefined();
    expect([...runner.runs].length).toBe(258);
  });

  test('a run that reuses a forgotten id is another run', () => {
    const runner = play(1, true);
    const again = runner.add('0');
    for (let id = 1; id < 600; id += 1) {
      const run = runner.add(String(id));
      run.status = statusOf(String(id), 'ABORTED');
      runner.end(run);
    }
    expect(runner.find('0')).toBe(again);
  });
});
