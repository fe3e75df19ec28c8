import { describe, expect, test } from 'vitest';
import { runnerWorkload } from '../../../src/conformance/workload/runner-workload.ts';
import type { SubjectOptions } from '../../../src/conformance/subject.ts';
import { runCampaign } from '../../../src/explore/campaign.ts';
import { createExecutor } from '../../../src/explore/executor.ts';
import { portfolioStrategy } from '../../../src/explore/strategies/portfolio.ts';
import { messageOf } from '../../../src/kernel/errors.ts';
import { ExitCodeError } from '../../../src/model/exit-code.ts';
import type { Filer } from '../../../src/model/filer.ts';
import { METRIC_NAMES } from '../../../src/model/metrics.ts';
import { simulated } from '../subjects.ts';

/** The message of the first execution that fails with such options. */
async function firstFailure(
  change: (options: SubjectOptions) => SubjectOptions,
): Promise<string | undefined> {
  const subject: typeof simulated = {
    ...simulated,
    create: (world, options) => simulated.create(world, { ...options, ...change(options) }),
  };
  const executor = createExecutor(runnerWorkload(subject));
  const { failures } = await runCampaign(executor, portfolioStrategy(1), { maxExecutions: 2_000 });
  return failures[0]?.message;
}

const filerUsed =
  (use: (filer: Filer) => Partial<Filer>) =>
  ({ filers }: SubjectOptions): SubjectOptions =>
    filers === undefined
      ? {}
      : {
          filers: new Map(
            [...filers].map(([type, { filer }]) => [type, { filer: { ...filer, ...use(filer) } }]),
          ),
        };

function without(name: string): (options: SubjectOptions) => SubjectOptions {
  return ({ metrics }) =>
    metrics === undefined
      ? {}
      : {
          metrics: {
            counter: (asked) => (asked === name ? { increment: () => undefined } : metrics.counter(asked)),
            gauge: (asked) =>
              asked === name
                ? { set: (value) => metrics.gauge(asked).set(value === 0 ? 1 : value) }
                : metrics.gauge(asked),
            histogram: (asked) => (asked === name ? { record: () => undefined } : metrics.histogram(asked)),
          },
        };
}

describe('the parts of a runner under the workload of any runner', () => {
  test.for([
    ['R176', 'runs that are not measured', /^R176 /, without(METRIC_NAMES.TASK_LATENCY_MS)],
    ['R176', 'a gauge that stays up', /^R176 /, without(METRIC_NAMES.RUNNING_TASK)],
    ['R177', 'checkouts that are not counted', /^R177 /, without(METRIC_NAMES.DOWNLOADS)],
    ['R179', 'timeouts that are not counted', /^R179 /, without(METRIC_NAMES.TIMEOUTS)],
    [
      'R205',
      'checkouts that are not released',
      /^R205 /,
      filerUsed((filer) => ({
        checkout: async (id, cancel) => ({ ...(await filer.checkout(id, cancel)), release: () => undefined }),
      })),
    ],
    [
      'R205',
      'checkouts that are released twice',
      /^R205 .* was released twice/,
      filerUsed((filer) => ({
        checkout: async (id, cancel) => {
          const checkout = await filer.checkout(id, cancel);
          const release = async (): Promise<void> => {
            await checkout.release();
            await checkout.release();
          };
          return { ...checkout, release };
        },
      })),
    ],
    [
      'R93',
      'a checkout that failed with another code',
      /^R3 R110 .*, got FAILED 17 /,
      filerUsed((filer) => ({
        checkout: async (id, cancel) => {
          try {
            return await filer.checkout(id, cancel);
          } catch (error) {
            throw new ExitCodeError(17, messageOf(error));
          }
        },
      })),
    ],
  ] as const)('%s finds %s', async ([, , message, change]) => {
    expect(await firstFailure(change)).toMatch(message);
  });
});
