import { describe, expect, test } from 'vitest';
import { createSimExecer } from '../../src/execers/sim-execer.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import { aborted, complete, simWorld, statusOf } from './sim-world.ts';

const outlived = (count: number) => `descendants: ${count} outlived the command and had to be killed`;

describe('the simulated process tree', () => {
  test.for([
    ['a natural end', ['fork', 'orphan', 'sleep 1', 'complete 0'], undefined],
    ['the end of the script', ['orphan', 'orphan', 'sleep 1'], undefined],
    ['a signal', ['fork', 'orphan', 'sleep 1', 'signal SIGSEGV'], undefined],
    ['a failure', ['orphan', 'fork', 'sleep 1', 'fail 1 lost'], undefined],
    ['an abort', ['fork', 'orphan', 'hang'], 'SIGTERM'],
    ['an abort with ignored SIGTERM', ['ignore-term', 'fork', 'orphan', 'hang'], 'SIGKILL'],
  ] as const)('R129 R144 after %s nothing of the tree is alive', ([, argv, signal]) => {
    const world = simWorld();
    const process = world.start(argv);
    expect(world.execer.livingProcesses).toBe(3);
    if (signal !== undefined) void process.abort();
    world.finish();
    expect(world.execer.livingProcesses).toBe(0);
    if (signal !== undefined) expect(statusOf(process)).toEqual(aborted(signal));
  });

  test('R144 SIGTERM goes to the whole tree: children from before `ignore-term` die, later ones ignore it too', () => {
    const world = simWorld();
    const process = world.start(['fork', 'orphan', 'ignore-term', 'fork', 'hang'], { runId: '8' });
    expect(world.execer.livingProcesses).toBe(4);
    void process.abort();
    expect(world.execer.livingProcesses).toBe(2);
    world.finish();
    expect(world.trace).toEqual([
      '0 acquired process/8',
      '0 acquired process/8/1',
      '0 acquired process/8/2',
      '0 acquired process/8/3',
      '0 freed process/8/1',
      '0 freed process/8/2',
      '10000 freed process/8',
      '10000 freed process/8/3',
    ]);
  });

  test.for<[string[], object]>([
    [['fork', 'complete 3'], complete(3)],
    [['fork', 'orphan', 'complete 3'], { ...complete(3), faults: [outlived(1)] }],
    [['orphan', 'fork', 'orphan'], { ...complete(0), faults: [outlived(2)] }],
  ])('R129 R144 the end of %j shows the children that outlived it', ([argv, status]) => {
    expect(statusOf(simWorld().start(argv))).toEqual(status);
  });

  test('R144 children stopped with their parent are not a fault; those that outlive it are', () => {
    const world = simWorld({ memoryCapBytes: 10, graceMs: 50 });
    const stopped = world.start(['orphan', 'hang']);
    expect(stopped.abort()).toEqual(aborted('SIGTERM'));
    const killed = world.start(['ignore-term', 'orphan', 'hang']);
    const late = world.start(['orphan', 'ignore-term', 'orphan', 'sleep 5']);
    void killed.abort();
    void late.abort();
    const overCap = world.start(['orphan', 'mem 10', 'hang']);
    world.finish();
    expect(statusOf(killed)).toEqual(aborted('SIGKILL'));
    expect(statusOf(late)).toEqual({ ...aborted('SIGTERM'), faults: [outlived(1)] });
    expect(statusOf(overCap)).not.toHaveProperty('faults');
  });

  test('running members of several processes are counted together', () => {
    const world = simWorld();
    const first = world.start(['fork', 'hang']);
    world.start(['hang']);
    world.start(['complete 0']);
    expect(world.execer.livingProcesses).toBe(3);
    void first.abort();
    expect(world.execer.livingProcesses).toBe(1);
  });

  test('each process is in the trace once when it starts and once when it ends', () => {
    const clock = createVirtualClock();
    const events: TraceEvent[] = [];
    const tracer = { record: (event: TraceEvent) => void events.push(event) };
    const execer = createSimExecer({ clock, tracer, runner: 'worker-1' });
    const tags = { jobId: '', taskId: '', tag: '' };
    execer.exec({ ...tags, argv: ['fork', 'sleep 2.5'], dir: '/', runId: '3' });
    while (clock.step());
    const event = (at: number, type: string, name: string) => {
      return { at, type, runner: 'worker-1', runId: '3', resource: 'process', name };
    };
    expect(events).toEqual([
      event(0, 'acquired', 'process/3'),
      event(0, 'acquired', 'process/3/1'),
      event(2.5, 'freed', 'process/3'),
      event(2.5, 'freed', 'process/3/1'),
    ]);
    events.length = 0;
    createSimExecer({ clock, tracer }).exec({ ...tags, argv: [], dir: '/' });
    expect(events.map(({ runner }) => runner)).toEqual(['runner', 'runner']);
  });
});
