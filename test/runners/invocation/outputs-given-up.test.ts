import { describe, expect, test } from 'vitest';
import { sleep } from '../../../src/kernel/clock.ts';
import type { MaybePromise } from '../../../src/model/maybe-promise.ts';
import type { Output } from '../../../src/model/output.ts';
import type { TraceEvent } from '../../../src/model/trace-event.ts';
import { inSimulation } from '../in-simulation.ts';
import { invoke, makeLab } from '../lab.ts';

type Manner = 'hangs' | 'comes late' | 'fails late';

const LATE_MS = 500;
const BOUND_MS = 100;

/** Aborts a run whose stderr misbehaves at one call; gives the trace, and how often each output was closed. */
async function abortWith(
  call: 'create' | 'close' | 'write',
  manner: Manner,
): Promise<{ events: string[]; closed: Record<string, number> }> {
  const closed: Record<string, number> = {};
  const verdict = await inSimulation(async (sim) => {
    const misbehave = async <T>(result: () => MaybePromise<T>): Promise<T> => {
      if (manner === 'hangs') return new Promise<T>(() => {});
      await sleep(sim.world.clock, LATE_MS, 'late output');
      if (manner === 'fails late') throw new Error('disk is gone');
      return result();
    };
    const lab = makeLab(sim, ({ outputs }) => ({
      localBoundMs: BOUND_MS,
      outputs: {
        create(id) {
          const name = id.slice(id.indexOf('-') + 1);
          const isBad = name === 'stderr';
          const inner = outputs.create(id);
          const output: Output = {
            uri: inner.uri,
            asFile: () => inner.asFile(),
            write: (chunk) =>
              isBad && call === 'write' ? misbehave(() => inner.write(chunk)) : inner.write(chunk),
            close() {
              closed[name] = (closed[name] ?? 0) + 1;
              return isBad && call === 'close' ? misbehave(() => inner.close()) : inner.close();
            },
          };
          return isBad && call === 'create' ? misbehave(() => output) : output;
        },
      },
    }));
    const run = invoke(lab, { argv: ['hang'] });
    await sim.sleep(10);
    run.abort();
    expect((await run.ended).state).toBe('ABORTED');
    expect(sim.now()).toBe(10 + BOUND_MS * (call === 'write' ? 2 : 1));
    await sim.sleep(2 * LATE_MS);
  });
  const shown = (event: TraceEvent): string[] =>
    (event.type === 'acquired' || event.type === 'freed' || event.type === 'abandoned') &&
    event.resource === 'output'
      ? [`${event.at} ${event.type} ${event.name}`]
      : [];
  return { events: verdict.trace().flatMap(shown), closed };
}

describe('a misbehaving output while its run is aborted', () => {
  test.for([
    ['hangs', ['0 acquired stdout', '110 abandoned stderr', '110 freed stdout'], { stdout: 1 }],
    ['fails late', ['0 acquired stdout', '110 abandoned stderr', '110 freed stdout'], { stdout: 1 }],
    [
      'comes late',
      [
        '0 acquired stdout',
        '110 abandoned stderr',
        '110 freed stdout',
        '500 acquired stderr',
        '500 freed stderr',
      ],
      { stdout: 1, stderr: 1 },
    ],
  ] as const)(
    'R204 R199 R95 if its creation %s, those made before are closed and the run is not held',
    async ([manner, events, closed]) => {
      expect(await abortWith('create', manner)).toEqual({ events, closed });
    },
  );

  test.for(['hangs', 'comes late', 'fails late'] as const)(
    'R204 R199 if its close %s, it alone is given up',
    async (manner) => {
      const { events, closed } = await abortWith('close', manner);
      expect(events.slice(3)).toEqual([
        '10 freed stdout',
        '10 freed stdlog',
        '110 abandoned stderr',
        ...(manner === 'hangs' ? [] : ['510 freed stderr']),
      ]);
      expect(closed).toEqual({ stdout: 1, stderr: 1, stdlog: 1 });
    },
  );

  test('R204 R199 if it never takes the header or the trailer, all are closed and the run is not held', async () => {
    const { events, closed } = await abortWith('write', 'hangs');
    expect(events.slice(3)).toEqual(['210 freed stdout', '210 freed stderr', '210 freed stdlog']);
    expect(closed).toEqual({ stdout: 1, stderr: 1, stdlog: 1 });
  });
});
