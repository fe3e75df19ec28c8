import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inSimulation } from './in-simulation.ts';
import { filersOf, invoke, labFiler, labProcessor, labUploader, makeLab, type Lab } from './lab.ts';

test('R87 R104 R105 R199 property: whatever is slow, deaf or failing, an abort or deadline at any moment ends the run within the bounds', async () => {
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
  await fc.assert(
    fc.asyncProperty(plan, async ({ pre, checkout, upload, post, argv, abortMs, timeoutMs, seed }) => {
      if ((argv as readonly string[]).includes('hang') && abortMs === undefined && timeoutMs === undefined) {
        return;
      }
      await inSimulation(
        async (sim) => {
          const lab = makeLab(sim, (parts) => ({
            preprocessors: [labProcessor(parts, 'pre', strip(pre))],
            filers: filersOf(labFiler(parts, strip(checkout))),
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
          const bounds = 4 * 100 + grace;
          expect(sim.now()).toBeLessThanOrEqual(Math.max(abortMs ?? 0, timeoutMs ?? 0, 120) + bounds);
          expect(run.statuses.at(-1)).toBe(status);
          expect(run.statuses.length).toBeLessThanOrEqual(2);
          if (status.state === 'TIMEDOUT') expect(timeoutMs).toBeDefined();
          if (status.state === 'ABORTED') expect(abortMs).toBeDefined();
          expect(lab.execer.livingProcesses).toBe(0);
          expect(lab.outputs.all().every(({ closed }) => closed)).toBe(true);
          await sim.sleep(200);
          const count = (what: string): number => lab.log.filter((line) => line === what).length;
          expect(count('release s')).toBe(count('checkout s') - (checkoutFailed(lab) ? 1 : 0));
        },
        { seed },
      );
    }),
    { numRuns: 300 },
  );
});

function checkoutFailed({ log }: Lab): boolean {
  return log.includes('checkout s') && !log.includes('release s');
}

function strip<T extends { readonly error: Error | undefined }>({
  error,
  ...rest
}: T): Omit<T, 'error'> & { error?: Error } {
  return error === undefined ? rest : { ...rest, error };
}
