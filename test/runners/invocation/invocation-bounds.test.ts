import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Filer } from '../../../src/model/filer.ts';
import { inSimulation } from '../in-simulation.ts';
import { filersOf, invoke, labFiler, labProcessor, labUploader, makeLab } from '../lab.ts';

/** Preprocessor, checkout, process, three uploads and postprocessor, each as slow as it gets. */
const UNDISTURBED_MS = 20 + 20 + 10 + 3 * 20 + 20;

test('R87 R104 R105 R199 property: whatever is slow, ignores cancels or fails, an abort or deadline at any moment ends the run within the bounds', async () => {
  const behaviour = fc.record({
    ms: fc.constantFrom(0, 5, 10, 20),
    cancelMs: fc.constantFrom(0, 10, 90, Infinity),
    error: fc.constantFrom(undefined, undefined, new Error('broke')),
  });
  const plan = fc.record({
    pre: behaviour,
    checkout: behaviour,
    upload: behaviour,
    post: behaviour,
    argv: fc.constantFrom(
      ['sleep 10'],
      ['complete 3'],
      ['hang'],
      ['ignore-term', 'hang'],
      ['fail 9 broke'],
      ['bad step'],
    ),
    abortMs: fc.option(fc.integer({ min: 0, max: 120 }), { nil: undefined }),
    timeoutMs: fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined }),
    seed: fc.nat(1_000),
  });
  const grace = 10_000;
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(plan, async ({ pre, checkout, upload, post, argv, abortMs, timeoutMs, seed }) => {
      if ((argv as readonly string[]).includes('hang') && abortMs === undefined && timeoutMs === undefined) {
        return;
      }
      await inSimulation(
        async (sim) => {
          const made = { checkouts: 0 };
          const lab = makeLab(sim, (parts) => ({
            preprocessors: [labProcessor(parts, 'pre', strip(pre))],
            filers: filersOf(counting(labFiler(parts, strip(checkout)), made)),
            uploader: labUploader(parts, strip(upload)),
            postprocessors: [labProcessor(parts, 'post', strip(post))],
          }));
          const run = invoke(lab, {
            argv,
            snapshotId: 's',
            ...(timeoutMs === undefined ? {} : { timeoutMs }),
          });
          if (abortMs !== undefined) sim.world.clock.timer('abort', abortMs, () => run.abort());
          const status = await run.ended;
          // Each of four collaborators states 100 ms; only a process that ignores SIGTERM takes the grace.
          const bounds = 4 * 100 + ((argv as readonly string[]).includes('ignore-term') ? grace : 0);
          expect(sim.now()).toBeLessThanOrEqual(
            Math.max(abortMs ?? 0, timeoutMs ?? 0, UNDISTURBED_MS) + bounds,
          );
          expect(run.statuses.at(-1)).toBe(status);
          expect(run.statuses.length).toBeLessThanOrEqual(2);
          if (status.state === 'TIMEDOUT') expect(timeoutMs).toBeDefined();
          if (status.state === 'ABORTED') expect(abortMs).toBeDefined();
          expect(lab.execer.livingProcesses).toBe(0);
          expect(lab.outputs.all().every(({ closed }) => closed)).toBe(true);
          await sim.sleep(200);
          // Whatever was checked out, late or not, is given back, once.
          expect(lab.log.filter((line) => line === 'release s')).toHaveLength(made.checkouts);
          seen.add(`${status.state} ${made.checkouts}`);
        },
        { seed },
      );
    }),
    { numRuns: 300 },
  );
  // The ends that this is about were there, with a checkout and without.
  for (const end of ['ABORTED 0', 'ABORTED 1', 'TIMEDOUT 0', 'TIMEDOUT 1', 'COMPLETE 1', 'FAILED 0']) {
    expect([...seen]).toContain(end);
  }
});

/** Counts the checkouts that were made. */
function counting(filer: Filer, made: { checkouts: number }): Filer {
  return {
    ...filer,
    checkout: async (...args) => {
      const checkout = await filer.checkout(...args);
      made.checkouts += 1;
      return checkout;
    },
  };
}

function strip<T extends { readonly error: Error | undefined }>({
  error,
  ...rest
}: T): Omit<T, 'error'> & { error?: Error } {
  return error === undefined ? rest : { ...rest, error };
}
