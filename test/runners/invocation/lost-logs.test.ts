// A disk may be full: who reads the status of a run whose log lacks something learns of it.
import { expect, test } from 'vitest';
import type { MaybePromise } from '../../../src/model/maybe-promise.ts';
import type { Chunk } from '../../../src/model/output.ts';
import type { RunStatus } from '../../../src/model/run-status.ts';
import { createMemoryOutputs } from '../../../src/outputs/memory-output.ts';
import { inSimulation } from '../in-simulation.ts';
import { invoke, makeLab } from '../lab.ts';

type Fails = (log: string, text: string) => boolean;

/** The end of a run whose logs do not take some writes: these throw, or reject if `isLate`. */
async function endOf(argv: readonly string[], fails: Fails, isLate = false): Promise<RunStatus | undefined> {
  let status: RunStatus | undefined;
  await inSimulation(async (sim) => {
    const memory = createMemoryOutputs();
    const outputs = {
      create(id: string) {
        const output = memory.create(id);
        const write = (chunk: Chunk): MaybePromise<void> => {
          const error = new Error(`no room in ${id}`);
          if (!fails(id, String(chunk))) return output.write(chunk);
          if (!isLate) throw error;
          return Promise.reject(error);
        };
        return { uri: output.uri, write, close: () => output.close(), asFile: () => output.asFile() };
      },
    };
    status = await invoke(
      makeLab(sim, () => ({ outputs })),
      { argv, timeoutMs: 50 },
    ).ended;
  });
  return status;
}

const INCOMPLETE = 'the logs are incomplete: no room in 7-';
const isHeader = (text: string): boolean => text.includes('SCOOT_CMD_LOG');

test.each<[what: string, argv: readonly string[], fails: Fails, error: string]>([
  ['a header', ['complete 3'], (id, text) => id === '7-stderr' && isHeader(text), `${INCOMPLETE}stderr`],
  [
    'of the output, in stdout',
    ['stdout hi', 'complete 3'],
    (id, text) => id === '7-stdout' && text === 'hi',
    `${INCOMPLETE}stdout`,
  ],
  [
    'of stderr in both',
    ['stderr hi', 'complete 3'],
    (id, text) => id === '7-stdlog' && text === 'hi',
    `${INCOMPLETE}stdlog`,
  ],
  [
    'of the output, rather than a header',
    ['stdout hi', 'complete 3'],
    (id, text) => (id === '7-stderr') === isHeader(text),
    `${INCOMPLETE}stdout`,
  ],
  ['nothing', ['stdout hi', 'complete 3'], () => false, ''],
])(
  'R123 a log that lacks %s is named by COMPLETE, whose outcome stays',
  async (_what, argv, fails, error) => {
    for (const isLate of [false, true]) {
      expect(await endOf(argv, fails, isLate)).toMatchObject({ state: 'COMPLETE', exitCode: 3, error });
    }
  },
);

test('R123 a status that has a text of its own keeps it, and a run without an exit code has none', async () => {
  const all = (): boolean => true;
  expect(await endOf(['stdout hi', 'sleep 100'], all)).toMatchObject({ state: 'TIMEDOUT', error: '' });
  expect(await endOf(['stdout hi', 'signal SIGSEGV'], all)).toMatchObject({
    state: 'COMPLETE',
    error: 'Killed by SIGSEGV',
  });
  const fails = await endOf(['stdout hi', 'fail 9 broken'], all);
  expect(fails).toMatchObject({ state: 'FAILED', exitCode: 9 });
  expect(fails?.error).not.toContain('incomplete');
});
