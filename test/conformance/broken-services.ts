// Services with one defect each, as decorators of a good one: what the suite has to find. Each is a real defect of the model, or a
// near relative, as far as it can be planted from outside.
import { invalidArgument, isRunnerError } from '../../src/kernel/errors.ts';
import { isTerminal } from '../../src/model/run-state.ts';
import { abortStatus, type RunStatus, zeroStatus } from '../../src/model/run-status.ts';
import type { Service } from '../../src/model/service.ts';
import { ALL_MASK, DONE_MASK, PENDING_MASK } from '../../src/model/state-mask.ts';
import type { QueryResult } from '../../src/model/status-reader.ts';
import { waitForever } from '../../src/model/query.ts';

/** Breaks a service in one place. */
export interface Breakage {
  /** What is wrong with it, with the rules whose cases must fail. */
  readonly title: string;
  readonly breakIt: (good: Service) => Service;
}

const never = (): Promise<never> => new Promise<never>(() => {});

/** The good service with some methods replaced. */
export function having(good: Service, replaced: Partial<Service>): Service {
  return {
    run: (command) => good.run(command),
    abort: (runId) => good.abort(runId),
    release: () => good.release(),
    query: (query, wait) => good.query(query, wait),
    queryNow: (query) => good.queryNow(query),
    status: (runId) => good.status(runId),
    statusAll: () => good.statusAll(),
    ...replaced,
  };
}

/** The good service, with every status that it shows changed. */
export function showing(good: Service, change: (status: RunStatus) => RunStatus): Service {
  return having(good, {
    abort: async (runId) => change(await good.abort(runId)),
    status: async (runId) => {
      const { status, service } = await good.status(runId);
      return { status: change(status), service };
    },
    statusAll: async () => {
      const { statuses, service } = await good.statusAll();
      return { statuses: statuses.map(change), service };
    },
    queryNow: async (query) => {
      const { statuses, service } = await good.queryNow(query);
      return { statuses: statuses.map(change), service };
    },
    query: async (query, wait) => {
      const { statuses, service } = await good.query(query, wait);
      return { statuses: statuses.map(change), service };
    },
  });
}

/** Runs something else when a call is refused with a code. */
async function orOn<T>(code: string, call: Promise<T>, otherwise: () => T | Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (isRunnerError(error) && error.code === code) return otherwise();
    throw error;
  }
}

const changed = (
  { statuses, service }: QueryResult,
  change: (all: RunStatus[]) => RunStatus[],
): QueryResult => ({
  statuses: change([...statuses]),
  service,
});

/** The first answer of each kind, for ever. */
export function cachedBy<Key, Answer>(ask: (key: Key) => Promise<Answer>): (key: Key) => Promise<Answer> {
  const answers = new Map<string, Promise<Answer>>();
  return (key) => {
    const name = JSON.stringify(key);
    const answer = answers.get(name) ?? ask(key);
    answers.set(name, answer);
    return answer;
  };
}

export const breakages: readonly Breakage[] = [
  {
    title: 'R207 R4 R200 status answers from a cache for ever',
    breakIt: (good) => having(good, { status: cachedBy((runId) => good.status(runId)) }),
  },
  {
    title: 'R207 queryNow answers from a cache for ever',
    breakIt: (good) => having(good, { queryNow: cachedBy((query) => good.queryNow(query)) }),
  },
  {
    title: 'R207 R43 statusAll lags behind by one call',
    breakIt(good) {
      let last: ReturnType<Service['statusAll']> | undefined;
      return having(good, {
        statusAll: () => {
          const stale = last;
          last = good.statusAll();
          return stale ?? last;
        },
      });
    },
  },
  {
    title: 'R26 D2 an unknown id gives an empty list',
    breakIt(good) {
      const empty = async (): Promise<QueryResult> => ({
        statuses: [],
        service: (await good.statusAll()).service,
      });
      return having(good, {
        queryNow: (query) => orOn('RUNNER_UNKNOWN_RUN', good.queryNow(query), empty),
        query: (query, wait) => orOn('RUNNER_UNKNOWN_RUN', good.query(query, wait), empty),
      });
    },
  },
  {
    title: 'R40 R72 an unknown id gives a zero status',
    breakIt(good) {
      return having(good, {
        abort: (runId) => orOn('RUNNER_UNKNOWN_RUN', good.abort(runId), () => zeroStatus('')),
        status: (runId) =>
          orOn('RUNNER_UNKNOWN_RUN', good.status(runId), async () => ({
            status: zeroStatus(''),
            service: (await good.statusAll()).service,
          })),
      });
    },
  },
  {
    title: 'R36 D4 a wait that cannot be met never ends',
    breakIt: (good) =>
      having(good, {
        query: (query, wait) => orOn('RUNNER_CANNOT_HAPPEN', good.query(query, wait), () => never()),
      }),
  },
  {
    title: 'R33 D15 a negative wait waits as long as a positive one',
    breakIt: (good) =>
      having(good, {
        query: (query, wait) => good.query(query, { ...wait, timeoutMs: Math.abs(wait.timeoutMs || 0) }),
      }),
  },
  {
    title: 'R34 D16 a cancelled wait invents an ABORTED status',
    breakIt: (good) =>
      having(good, {
        query: (query, wait) =>
          orOn('RUNNER_WAIT_CANCELLED', good.query(query, wait), async () => ({
            statuses: [abortStatus('')],
            service: (await good.statusAll()).service,
          })),
      }),
  },
  {
    title: 'R37 R43 D19 runs come in any order',
    breakIt: (good) =>
      having(good, {
        queryNow: async (query) => changed(await good.queryNow(query), (all) => all.reverse()),
        statusAll: async () => changed(await good.statusAll(), (all) => all.reverse()),
      }),
  },
  {
    title: 'R28 D20 no ids and a wait wait for ever',
    breakIt: (good) =>
      having(good, {
        query: (query, wait) =>
          query.allRuns !== true && (query.runs ?? []).length === 0 && wait.timeoutMs > 0
            ? never()
            : good.query(query, wait),
      }),
  },
  {
    title: 'R46 R65 D21 a PENDING status carries no tags',
    breakIt: (good) =>
      having(good, {
        run: async (command) => ({ ...(await good.run(command)), jobId: '', taskId: '', tag: '' }),
      }),
  },
  {
    title: 'R84 D26 a second release fails',
    breakIt(good) {
      let released = false;
      return having(good, {
        release: async () => {
          if (released) throw new Error('close of closed channel');
          released = true;
          return good.release();
        },
      });
    },
  },
  {
    title: 'R85 D27 a release leaves runs alone',
    breakIt: (good) => having(good, { release: async () => undefined }),
  },
  {
    title: 'R66 D36 a command that is none is accepted',
    breakIt: (good) =>
      having(good, {
        run: (command) =>
          orOn('RUNNER_INVALID_ARGUMENT', good.run(command), () => good.run({ argv: ['complete 0'] })),
      }),
  },
  {
    title: 'R64 R58 R59 a full runner answers with a zero status',
    breakIt: (good) =>
      having(good, { run: (command) => orOn('RUNNER_BUSY', good.run(command), () => zeroStatus('busy')) }),
  },
  {
    title: 'R65 run returns when the run has started',
    breakIt: (good) =>
      having(good, {
        run: async (command) => {
          const { runId } = await good.run(command);
          const started = { runs: [runId], states: (ALL_MASK & ~PENDING_MASK) as typeof ALL_MASK };
          const { statuses } = await good.query(started, waitForever());
          return statuses[0] as RunStatus;
        },
      }),
  },
  {
    title: 'R72 aborting a run that is over makes it ABORTED',
    breakIt: (good) =>
      having(good, {
        abort: async (runId) => ({ ...(await good.abort(runId)), state: 'ABORTED', exitCode: 0 }),
      }),
  },
  {
    title: 'R70 R73 an abort returns before the run is over',
    breakIt: (good) =>
      having(good, {
        abort: async (runId) => {
          const { status } = await good.status(runId);
          const aborting = good.abort(runId);
          if (isTerminal(status.state)) return aborting;
          aborting.catch(() => undefined);
          return status;
        },
      }),
  },
  {
    title: 'R74 D24 run waits while an abort does',
    breakIt(good) {
      let aborting: Promise<unknown> = Promise.resolve();
      return having(good, {
        abort: (runId) => {
          const abort = good.abort(runId);
          aborting = abort.catch(() => undefined);
          return abort;
        },
        run: async (command) => {
          await aborting;
          return good.run(command);
        },
      });
    },
  },
  {
    title: 'R29 a cancelled signal hides what matches now',
    breakIt: (good) =>
      having(good, {
        query: async (query, wait) => {
          if (wait.signal?.aborted === true && wait.timeoutMs > 0) {
            throw invalidArgument('signal', 'one', wait.signal);
          }
          return good.query(query, wait);
        },
      }),
  },
  {
    title: 'R31 a wait that times out is an error',
    breakIt: (good) =>
      having(good, {
        query: async (query, wait) => {
          const result = await good.query(query, wait);
          if (
            result.statuses.length === 0 &&
            wait.timeoutMs > 0 &&
            query.runs !== undefined &&
            query.runs.length > 0
          ) {
            throw new Error('timed out');
          }
          return result;
        },
      }),
  },
  {
    title: 'R31 a wait gives more than the first write that matches',
    breakIt: (good) =>
      having(good, {
        query: async (query, wait) => {
          const result = await good.query(query, wait);
          const again = result.statuses.length > 0 && wait.timeoutMs > 0 && query.states === DONE_MASK;
          return again ? changed(result, (all) => [...all, ...all]) : result;
        },
      }),
  },
  {
    title: 'R69 D25 a slot stays taken for a moment after the end',
    breakIt(good) {
      let taken: string | undefined;
      return having(good, {
        run: async (command) => {
          if (taken !== undefined) {
            taken = undefined;
            throw invalidArgument('command', 'patience', command);
          }
          const status = await good.run(command);
          taken = status.runId;
          return status;
        },
      });
    },
  },
  {
    title: 'R3 R110 R20 exit codes are lost',
    breakIt: (good) =>
      having(good, {
        query: async (query, wait) =>
          changed(await good.query(query, wait), (all) => all.map((status) => ({ ...status, exitCode: 0 }))),
      }),
  },
  {
    title: 'R99 R52 R206 refs are lost at the end',
    breakIt: (good) =>
      having(good, {
        query: async (query, wait) =>
          changed(await good.query(query, wait), (all) =>
            all.map((status) =>
              isTerminal(status.state) ? { ...status, stdoutRef: '', stderrRef: '' } : status,
            ),
          ),
      }),
  },
  {
    title: 'R24 states are matched wrongly: UNKNOWN and PENDING are swapped',
    breakIt(good) {
      const swapped = (states: number): typeof ALL_MASK =>
        ((states & ~3) | ((states & 1) << 1) | ((states & 2) >> 1)) as typeof ALL_MASK;
      return having(good, {
        queryNow: (query) => good.queryNow({ ...query, states: swapped(query.states) }),
        query: (query, wait) => good.query({ ...query, states: swapped(query.states) }, wait),
      });
    },
  },
];
