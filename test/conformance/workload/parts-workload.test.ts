import { describe, expect, test } from 'vitest';
import {
  partsTermsOf,
  PartsWorkload,
  partsWorkload,
  type PartsSubject,
} from '../../../src/conformance/workload/parts-workload.ts';
import { exploreWorkload } from '../../../src/conformance/workload/explore-workload.ts';
import type {
  ConformanceSubject,
  PlannedMachine,
  RunnerUnderTest,
  SubjectOptions,
} from '../../../src/conformance/subject.ts';
import { type Cancellable, Cancellation } from '../../../src/model/cancellation.ts';
import type { LogUploader } from '../../../src/model/collaborators.ts';
import type { Filer } from '../../../src/model/filer.ts';
import { isPending, type MaybePromise, orElse, whenThere } from '../../../src/model/maybe-promise.ts';
import { METRIC_NAMES, type Metrics } from '../../../src/model/metrics.ts';
import type { Output } from '../../../src/model/output.ts';
import { type RunState, TERMINAL_STATES } from '../../../src/model/run-state.ts';
import { DONE_MASK, maskForState } from '../../../src/model/state-mask.ts';
import { RunnerError } from '../../../src/kernel/errors.ts';
import type { Timer } from '../../../src/kernel/clock.ts';
import type { Service } from '../../../src/model/service.ts';
import type { World } from '../../../src/model/world.ts';
import { createMemoryOutputs } from '../../../src/outputs/memory-output.ts';
import { createQueueRunner } from '../../../src/runners/queue/create-queue-runner.ts';
import { createSimulatedRunner } from '../../../src/runners/simulated-runner.ts';
import { defineScenario, type ScenarioDefinition } from '../../../src/simulation/scenario.ts';
import { simulated } from '../subjects.ts';
import { having, showing } from '../broken-services.ts';

type Parts = SubjectOptions & PlannedMachine;
type Change = (parts: Parts, world: World) => Partial<Parts>;

function subjectOf(change: Change, wrap: (service: Service) => Service = (service) => service): PartsSubject {
  const create = (world: World, options: SubjectOptions, machine: PlannedMachine): RunnerUnderTest => {
    const given = { ...options, ...machine };
    const { outputs, filers = new Map(), ...parts }: Parts = { ...given, ...change(given, world) };
    const memory = createMemoryOutputs();
    const service = createQueueRunner(world, { ...parts, filers, outputs: outputs(memory) });
    return { service: wrap(service), readOutput: (uri) => memory.find(uri)?.text() ?? '' };
  };
  return { name: 'queue', create };
}

/** The filer, used in another way. */
const filerUsed =
  (use: (filer: Filer) => Partial<Filer>): Change =>
  ({ filers = new Map() }) => ({
    filers: new Map(
      [...filers].map(([type, entry]) => [
        type,
        { ...entry, filer: { ...entry.filer, ...use(entry.filer) } },
      ]),
    ),
  });

/** Metrics of which one gets something else. */
function metricsWith(name: string, change: (value: number) => number): Change {
  return ({ metrics }) => {
    if (metrics === undefined) return {};
    const changed: Metrics = {
      counter: (asked) => {
        const counter = metrics.counter(asked);
        return asked === name ? { increment: (by = 1) => counter.increment(change(by)) } : counter;
      },
      gauge: (asked) => {
        const gauge = metrics.gauge(asked);
        return asked === name ? { set: (value) => gauge.set(change(value)) } : gauge;
      },
      histogram: (asked) => {
        const histogram = metrics.histogram(asked);
        return asked === name ? { record: (value) => histogram.record(change(value)) } : histogram;
      },
    };
    return { metrics: changed };
  };
}

/** Aborts no run that is shown in that state. */
const ignoringAborts =
  (state: RunState) =>
  (good: Service): Service =>
    having(good, {
      async abort(runId) {
        const { status } = await good.status(runId);
        return status.state === state ? status : good.abort(runId);
      },
    });

/** Updates that were asked for during a run begin before the process of that run, and not after the run. */
const updatingInRuns: Change = ({ filers = new Map(), execer }, { clock }) => {
  const [[type, entry] = []] = [...filers];
  const everyMs = entry?.filer.updateIntervalMs ?? 0;
  if (type === undefined || entry === undefined || entry.init !== undefined || everyMs === 0) return {};
  const { filer } = entry;
  let carriedOut = 0;
  let early: { readonly result: MaybePromise<void> } | undefined;
  const update = (cancel?: Cancellable): MaybePromise<void> => {
    carriedOut = Math.floor(clock.now() / everyMs);
    return orElse(
      () => filer.update(cancel),
      () => undefined,
    );
  };
  return {
    filers: new Map([
      [
        type,
        {
          filer: {
            ...filer,
            update: (cancel?: Cancellable) => {
              const { result } = early ?? { result: update(cancel) };
              early = undefined;
              return result;
            },
          },
        },
      ],
    ]),
    execer: {
      ...execer,
      exec: (command) => {
        if (early === undefined && Math.floor(clock.now() / everyMs) > carriedOut) {
          early = { result: update(new Cancellation()) };
        }
        return execer.exec(command);
      },
    },
  };
};

/** A run that waits for an update starts in the instant in which the update begins. */
function startingBesideUpdates(): readonly [Change, (service: Service) => Service] {
  let runner: Service;
  const change: Change = (parts, world) =>
    parts.updateLimitMs === undefined
      ? filerUsed((filer) => ({
          update: (cancel) => {
            const result = filer.update(cancel);
            const go = async (): Promise<void> => {
              const { statuses } = await runner.statusAll();
              if (statuses.every(({ state }) => state !== 'PENDING')) await result;
            };
            return isPending(result) ? go() : result;
          },
        }))(parts, world)
      : {};
  return [change, (service) => (runner = service)];
}

/** The gauge of active runs falls some time after the end, or with the next start. */
const fallingLate: Change = ({ metrics }, { clock }) => {
  if (metrics === undefined) return {};
  let late: Timer | undefined;
  const gauge: Metrics['gauge'] = (name) => {
    const inner = metrics.gauge(name);
    const fall = (): void => {
      late?.cancel();
      late = undefined;
      inner.set(0);
    };
    const set = (value: number): void => {
      if (value === 0) {
        late = clock.timer('late', 5, fall);
        return;
      }
      if (late !== undefined) fall();
      inner.set(value);
    };
    return name === METRIC_NAMES.RUNNING_TASK ? { set } : inner;
  };
  return { metrics: { ...withoutGauges(metrics), gauge } };
};

function withoutGauges(metrics: Metrics): Pick<Metrics, 'counter' | 'histogram'> {
  return { counter: (name) => metrics.counter(name), histogram: (name) => metrics.histogram(name) };
}

/** The filers with other init signals, made of all that they have. */
function initsOf(
  { filers = new Map() }: Parts,
  change: (inits: readonly PromiseLike<void>[]) => PromiseLike<void>,
): Partial<Parts> {
  const inits = [...filers.values()].flatMap(({ init }) => (init === undefined ? [] : [init]));
  if (inits.length === 0) return {};
  const init = Promise.resolve(change(inits));
  init.catch(() => undefined);
  return { filers: new Map([...filers].map(([type, { filer }]) => [type, { filer, init }])) };
}

/** Keeps the error of the last init signal that failed. */
const keepingLastError: Change = (parts) =>
  initsOf(parts, async (inits) => {
    const errors: unknown[] = [];
    const noted = async (init: PromiseLike<void>): Promise<void> => {
      try {
        await init;
      } catch (error) {
        errors.push(error);
      }
    };
    await Promise.all(inits.map(noted));
    if (errors.length > 0) throw errors.at(-1);
  });

/** Counts a failed initialization as soon as the first signal has failed. */
const countingEarly: Change = (parts) => {
  const { metrics } = parts;
  if (metrics === undefined) return {};
  const counting: Metrics = {
    ...withoutGauges(metrics),
    gauge: (name) => metrics.gauge(name),
    counter: (name) =>
      name === METRIC_NAMES.INIT_FAILURE ? { increment: () => undefined } : metrics.counter(name),
  };
  let isCounted = false;
  const count = (): void => {
    if (!isCounted) metrics.counter(METRIC_NAMES.INIT_FAILURE).increment();
    isCounted = true;
  };
  for (const { init } of parts.filers?.values() ?? []) init?.then(undefined, count);
  return { metrics: counting };
};

/** Asks each filer as well when it asks the one that is wanted. */
const askingAll =
  (method: 'checkout' | 'update'): Change =>
  ({ filers = new Map() }) => {
    const all = [...filers.values()].map(({ filer }) => filer);
    const asked = (filer: Filer): Filer => ({
      ...filer,
      checkout(id, cancel) {
        if (method === 'checkout') for (const each of all) if (each !== filer) void each.checkout(id, cancel);
        return filer.checkout(id, cancel);
      },
      update(cancel) {
        if (method === 'update') for (const each of all) if (each !== filer) void each.update(cancel);
        return filer.update(cancel);
      },
    });
    return {
      filers: new Map([...filers].map(([type, entry]) => [type, { ...entry, filer: asked(entry.filer) }])),
    };
  };

/** Logs with other texts than the runner writes; `log` is the name of the output. */
function logging(change: (text: string, log: string) => string | Uint8Array): Change {
  return ({ outputs }) => ({
    outputs: (inner) => {
      const planned = outputs(inner);
      const changed = (output: Output, log: string): Output => ({
        uri: output.uri,
        write: (chunk) => output.write(change(String(chunk), log)),
        asFile: () => output.asFile(),
        close: () => output.close(),
      });
      return { create: (id) => whenThere(planned.create(id), (output) => changed(output, id)) };
    },
  });
}

/** Trailers are written when the logs are closed, and their uploads lack them. */
const writingTrailersLate: Change = ({ outputs }) => ({
  outputs: (inner) => {
    const planned = outputs(inner);
    const late = (output: Output): Output => {
      let trailer = '';
      return {
        uri: output.uri,
        write: (chunk) => {
          if (!String(chunk).includes('FAILED\n')) return output.write(chunk);
          trailer = String(chunk);
          return undefined;
        },
        asFile: () => output.asFile(),
        close: () => {
          void output.write(trailer);
          return output.close();
        },
      };
    };
    return { create: (id) => whenThere(planned.create(id), late) };
  },
});

/** What is uploaded, changed. */
function uploading(change: (upload: LogUploader['upload']) => LogUploader['upload']): Change {
  return ({ uploader }) =>
    uploader === undefined
      ? {}
      : { uploader: { ...uploader, upload: change((...given) => uploader.upload(...given)) } };
}

const firstUploaded: Change = uploading((upload) => {
  const logs = new Map<string, Output>();
  return (path, log, cancel) => {
    const run = path.slice(0, path.indexOf('/'));
    if (!logs.has(run)) logs.set(run, log);
    return upload(path, logs.get(run) ?? log, cancel);
  };
});

/** A wait never sees RUNNING of a run that is over in that instant. */
const skippingRunning = (good: Service): Service =>
  having(good, {
    query: async (query, wait) => {
      const result = await good.query(query, wait);
      if (result.statuses[0]?.state !== 'RUNNING') return result;
      const over = await good.queryNow({ ...query, states: DONE_MASK });
      return over.statuses.length === 0 ? result : over;
    },
  });

const BROKEN: readonly (readonly [
  what: string,
  message: RegExp,
  change: Change,
  wrap?: (service: Service) => Service,
])[] = [
  [
    'that lets queued runs wait on in spite of an abort',
    /^R71 an abort of run \S+ gave PENDING/,
    () => ({}),
    ignoringAborts('PENDING'),
  ],
  [
    'that lets active runs go on in spite of an abort',
    /^R70 an abort of run \S+ gave RUNNING/,
    () => ({}),
    ignoringAborts('RUNNING'),
  ],
  [
    'that does not know the run of an abort',
    /^R7[012]( R71)? abort of run \S+, which run\(\) has accepted: expected its end, got RUNNER_UNKNOWN_RUN/,
    () => ({}),
    (good) =>
      having(good, {
        abort: (runId) => Promise.reject(new RunnerError('RUNNER_UNKNOWN_RUN', `unknown run id ${runId}`)),
      }),
  ],
  [
    'that does not cancel checkouts',
    /^R(88|199) /,
    filerUsed((filer) => ({ checkout: (id) => filer.checkout(id, new Cancellation()) })),
  ],
  ['that waits longer for its filer', /^R(88|199) /, filerUsed(() => ({ cancelBoundMs: 30 }))],
  [
    'that releases twice',
    /^R205 /,
    filerUsed((filer) => ({
      checkout: (id, cancel) =>
        whenThere(filer.checkout(id, cancel), (made) => ({
          ...made,
          release: () => {
            void made.release();
            return made.release();
          },
        })),
    })),
  ],
  [
    'whose preprocessors are swapped',
    /^R(88|199) /,
    ({ preprocessors = [] }) => ({ preprocessors: [...preprocessors].reverse() }),
  ],
  [
    'that leaves postprocessors out',
    /^R(88|199) /,
    ({ postprocessors = [] }) => ({ postprocessors: postprocessors.slice(1) }),
  ],
  [
    'that uploads under other names',
    /^R113 /,
    ({ uploader }) =>
      uploader === undefined
        ? {}
        : {
            uploader: {
              ...uploader,
              upload: (name, log, cancel) => uploader.upload(name.replace('stdlog', 'log'), log, cancel),
            },
          },
  ],
  [
    'that forgets the limit of uploads',
    /^R(88|199) /,
    ({ uploader }) =>
      uploader === undefined
        ? {}
        : {
            uploader: {
              cancelBoundMs: uploader.cancelBoundMs,
              upload: (name, log, cancel) => uploader.upload(name, log, cancel),
            },
          },
  ],
  [
    'that starts its processes elsewhere',
    /^R98 /,
    ({ execer }) => ({ execer: { ...execer, exec: (command) => execer.exec({ ...command, dir: '/' }) } }),
  ],
  [
    'that starts its processes without their environment',
    /^R98 /,
    ({ execer }) => ({ execer: { ...execer, exec: (command) => execer.exec({ ...command, envVars: {} }) } }),
  ],
  [
    'that passes no tags on',
    /^R87 |^R98 /,
    ({ execer }) => ({ execer: { ...execer, exec: (command) => execer.exec({ ...command, taskId: '' }) } }),
  ],
  ['that has one place more', /^R64 /, ({ capacity = 1 }) => ({ capacity: capacity + 1 })],
  [
    'that asks its filers too seldom',
    /^R(75|77) /,
    filerUsed(({ updateIntervalMs }) => ({ updateIntervalMs: 2 * updateIntervalMs })),
  ],
  ['that updates its filers while a run is active', /^R76 R77 /, updatingInRuns],
  // It takes an update for over that goes on, so that a next one may begin beside it too.
  [
    'that starts a run beside an update',
    /^R75 an update began at \d+ ms, expected none before Infinity ms|^R76 R77 /,
    ...startingBesideUpdates(),
  ],
  [
    'that lets updates take longer',
    /^R(68|75|77|80) /,
    ({ updateLimitMs = 0 }) => ({ updateLimitMs: 2 * updateLimitMs }),
  ],
  [
    'that says nothing of its filers',
    /^R(15|62|80) /,
    () => ({}),
    (service) =>
      having(service, {
        statusAll: async () => {
          const all = await service.statusAll();
          return { ...all, service: { ...all.service, error: '' } };
        },
      }),
  ],
  [
    'that is ready once the first of its filers is',
    /^R61 R62 statusAll: expected a service that is not initialized/,
    (parts) => initsOf(parts, (inits) => Promise.race(inits)),
  ],
  [
    'that keeps the last error of its filers',
    /^R62 statusAll: .* with the error "init of the second filer failed", got .* with the error "init failed"|^R62 statusAll: .* with the error "init failed", got .* with the error "init of/,
    keepingLastError,
  ],
  [
    'that counts a failed initialization before all signals have come',
    /^R62 workerDownloadInitFailure was counted at \d+ ms/,
    countingEarly,
  ],
  ['that asks the filer of another run type', /^R185 a filer was asked/, askingAll('checkout')],
  ['that updates a filer that asks for none', /^R75 R79 a filer was updated/, askingAll('update')],
  ['that counts uploads twice', /^R178 /, metricsWith(METRIC_NAMES.UPLOADS, (by) => 2 * by)],
  ['that measures too long', /^R176 /, metricsWith(METRIC_NAMES.TASK_LATENCY_MS, (value) => value + 1)],
  [
    'that measures downloads wrongly',
    /^R177 /,
    metricsWith(METRIC_NAMES.DOWNLOAD_LATENCY_MS, (value) => value / 2),
  ],
  [
    'that measures its idleness wrongly',
    /^R181 /,
    metricsWith(METRIC_NAMES.IDLE_LATENCY_MS, (value) => value + 1),
  ],
  ['that counts no timeouts', /^R179 /, metricsWith(METRIC_NAMES.TIMEOUTS, () => 0)],
  ['whose gauge stays up', /^R(176|208) |runningTask/, metricsWith(METRIC_NAMES.RUNNING_TASK, () => 1)],
  ['whose gauge falls late', /^R116 R208 /, fallingLate],
  [
    'whose gauge falls before its postprocessors have run',
    /^R116 R208 /,
    ({ metrics, postprocessors = [] }) => ({
      postprocessors: postprocessors.map((processor) => ({
        ...processor,
        process: (...given) => {
          metrics?.gauge(METRIC_NAMES.RUNNING_TASK).set(0);
          return processor.process(...given);
        },
      })),
    }),
  ],
  ['that shows no illness', /^R180 /, metricsWith(METRIC_NAMES.UNHEALTHY, () => 0)],
  ['that measures directories wrongly', /^R182 /, metricsWith('commandDirUsage_kb_work', (kb) => kb + 1)],
  [
    'that conceals that a log could not be closed',
    /^R11 run \S+ ended with the text "", expected "the logs are incomplete: no space left"/,
    ({ outputs }) => ({
      outputs: (inner) => {
        const planned = outputs(inner);
        const closed = (output: Output): Output => ({
          uri: output.uri,
          write: (chunk) => output.write(chunk),
          asFile: () => output.asFile(),
          close: () =>
            orElse<void>(
              () => output.close(),
              () => undefined,
            ),
        });
        return { create: (id) => whenThere(planned.create(id), closed) };
      },
    }),
  ],
  [
    'that changes texts',
    /^R11 run \S+ ended with the text/,
    () => ({}),
    (service) => showing(service, (status) => ({ ...status, error: status.error.toUpperCase() })),
  ],
  [
    'that returns from `run` without the tags of the command',
    /^R46 run shows run \S+ as PENDING: expected the tags of its command/,
    () => ({}),
    (service) =>
      having(service, { run: async (command) => ({ ...(await service.run(command)), taskId: '' }) }),
  ],
  [
    'that shows runs in its queue without their tags',
    /^R46 statusAll shows run \S+ as PENDING: expected the tags of its command/,
    () => ({}),
    (service) => showing(service, (status) => (status.state === 'PENDING' ? { ...status, tag: '' } : status)),
  ],
  [
    'that shows refs of runs in its queue',
    /^R12 statusAll shows run \S+ as PENDING: expected no refs/,
    () => ({}),
    (service) =>
      showing(service, (status) =>
        status.state === 'PENDING' ? { ...status, stdoutRef: 'file:///early' } : status,
      ),
  ],
  [
    'that shows an exit code of runs at work',
    /^R11 (query|statusAll).* shows run \S+ as RUNNING: expected no exitCode/,
    () => ({}),
    (service) =>
      showing(service, (status) => (status.state === 'RUNNING' ? { ...status, exitCode: -1 } : status)),
  ],
  [
    'that shows runs as ABORTED after its release, however they ended',
    /^R73 R200 statusAll shows run \S+ as ABORTED: expected its end as another answer has shown it/,
    () => ({}),
    (service) => {
      let isReleased = false;
      const shown = showing(service, (status) =>
        isReleased ? { ...status, state: 'ABORTED', exitCode: 0, error: '' } : status,
      );
      return having(shown, {
        release: async () => {
          await service.release();
          isReleased = true;
        },
      });
    },
  ],
  [
    'that shows a run that is over as RUNNING',
    /^R200 statusAll shows run \S+ as RUNNING: expected (COMPLETE|FAILED) or further/,
    () => ({}),
    (service) =>
      having(service, {
        statusAll: async () => {
          const all = await service.statusAll();
          const revived = all.statuses.map((status) =>
            status.exitCode === 7 ? { ...status, state: 'RUNNING' as const, exitCode: 0, error: '' } : status,
          );
          return { ...all, statuses: revived };
        },
      }),
  ],
  [
    'whose abort gives another exit code than its queries',
    /^R73 R200 /,
    () => ({}),
    (service) =>
      having(service, {
        abort: async (runId) => {
          const status = await service.abort(runId);
          return status.state === 'COMPLETE' ? { ...status, exitCode: 99 } : status;
        },
      }),
  ],
  [
    'that shows runs at work with refs of other logs',
    /^R99 query .* shows run \S+ as RUNNING: expected the refs of its logs/,
    () => ({}),
    (service) =>
      showing(service, (status) =>
        status.state === 'RUNNING' ? { ...status, stderrRef: `${status.stderrRef}-elsewhere` } : status,
      ),
  ],
  [
    'that shows runs as RUNNING before they have a process',
    /^R99 (query|statusAll).* shows run \S+ as RUNNING: expected that only once its process is started/,
    () => ({}),
    (service) =>
      showing(service, (status) =>
        status.state === 'PENDING'
          ? { ...status, state: 'RUNNING', stdoutRef: 'file:///out', stderrRef: 'file:///err' }
          : status,
      ),
  ],
  [
    'that wakes no wait for RUNNING',
    /^R99 run \S+ was never RUNNING, expected RUNNING from \d+ ms on/,
    () => ({}),
    (service) =>
      having(service, {
        query: (query, wait) => service.query({ ...query, states: maskForState(...TERMINAL_STATES) }, wait),
      }),
  ],
  [
    'that gives each log a UNIQUE of its own',
    /^R113 the logs of run \S+ are uploaded as \S+ and \S+: expected one UNIQUE for all/,
    uploading(
      (upload) =>
        (path, ...given) =>
          upload(path.replace(/\/std(\w+)$/, '$1/std$1'), ...given),
    ),
  ],
  ['that uploads one log under three names', /^R113 upload of \S+: expected the log/, firstUploaded],
  [
    'that makes URLs of its own of those that it gets',
    /^R114 std(out|err)Ref of run \S+ is ".*", expected one that is uploaded/,
    uploading(
      (upload) =>
        (...given) =>
          whenThere(upload(...given), (url) => url.replace('_', '-')),
    ),
  ],
  [
    'whose logs move at the end of a run',
    /^R114 stdoutRef of run \S+ is ".*", expected one that is local/,
    () => ({}),
    (service) =>
      showing(service, (status) =>
        status.state === 'ABORTED' && status.stdoutRef !== ''
          ? { ...status, stdoutRef: `${status.stdoutRef}-moved` }
          : status,
      ),
  ],
  [
    'whose logs begin without the marker',
    /^R96 std\w+ of run \S+ has no header/,
    logging((text) => text.replace(/^#+\n/, '')),
  ],
  [
    'whose headers end without the marker',
    /^R96 std\w+ of run \S+ has a header without the marker at its end/,
    logging((text) => text.replace(/#+\n#+\n\nSCOOT/, '\nSCOOT')),
  ],
  [
    'whose headers lack a URI',
    /^R96 std\w+ of run \S+ has a header without the URI/,
    logging((text) => text.replace(/\tLog: \S+/, '')),
  ],
  [
    'whose headers lack the command',
    /^R96 R17 std\w+ of run \S+ has a header without "task-/,
    logging((text) => text.replace(/task-\d+/, '')),
  ],
  [
    'whose headers have the date of another clock',
    /^R96 R209 std\w+ of run \S+ has a header of another time/,
    logging((text) => text.replace(/^Date: 2000/m, 'Date: 1999')),
  ],
  [
    'whose headers show the environment',
    /^R17 R107 std\w+ of run \S+ shows a value of the environment/,
    logging((text) => text.replace(/(task-)(\d+)/, '$1$2 of run $2')),
  ],
  [
    'that changes what processes write',
    /^R97 std\w+ of run \S+ is ".*oat /,
    logging((text) => text.replace(/^out /, 'oat ')),
  ],
  [
    'whose combined log has no stderr',
    /^R97 stdlog of run \S+ is ".*", expected all of ".*err /,
    logging((text, log) => (log.endsWith('stdlog') && text.startsWith('err ') ? '' : text)),
  ],
  [
    'whose logs name another timeout',
    /^R101 std\w+ of run \S+ is ".*", expected the marker and "Task exceeded timeout \d+ms"/,
    logging((text) => text.replace(/timeout \d+ms/, 'timeout 7ms')),
  ],
  [
    'whose logs name no abort',
    /^R107 std\w+ of run \S+ is ".*", expected the marker and "Task aborted"/,
    logging((text) => (text.includes('Task aborted') ? '' : text)),
  ],
  [
    'that writes to its logs after the trailer',
    /^R107 std\w+ of run \S+ is ".*Task aborted\\nargv/,
    logging((text) => text.replace(/Task aborted\n/, '$&argv')),
  ],
  [
    'whose logs name no memory report',
    /^R111 std\w+ of run \S+ is ".*", expected the marker and "(Cmd exceeded|Critical error)/,
    logging((text) => text.replace(/Cmd exceeded MemoryCap.*|Critical error.*/, 'killed')),
  ],
  [
    'that writes a trailer after its logs were uploaded',
    /^R1(01|11) std\w+ of run \S+ was uploaded before its trailer was written/,
    writingTrailersLate,
  ],
  [
    'that forgets runs that are over',
    /^R43 R47 statusAll: expected a status of run \S+, got none/,
    () => ({}),
    (service) =>
      having(service, {
        statusAll: async () => {
          const all = await service.statusAll();
          return { ...all, statuses: all.statuses.filter(({ state }) => state !== 'ABORTED') };
        },
      }),
  ],
  [
    'that accepts a run that is over',
    /^R65 /,
    () => ({}),
    (service) =>
      having(service, { run: async (command) => ({ ...(await service.run(command)), state: 'RUNNING' }) }),
  ],
];

/** Runs with plans in a runner whose execer and outputs are its own, as they are read. */
function ownLogs(spoil: (text: string) => string): ScenarioDefinition<unknown> {
  const subject: ConformanceSubject = {
    ...simulated,
    create(world, options) {
      const runner = createSimulatedRunner(world, options);
      return { service: runner, readOutput: (uri) => spoil(runner.outputs.find(uri)?.text() ?? '') };
    },
  };
  return defineScenario<unknown>({
    name: 'own-logs',
    description: 'runs with plans in a runner of its own execer and outputs',
    run: (sim) => new PartsWorkload(sim, partsTermsOf(subject, sim)).run(() => undefined),
  });
}

const OWN: readonly (readonly [what: string, message: RegExp, spoil: (text: string) => string])[] = [
  ['that they have no header', /^R96 std\w+ of run/, (text) => text.replace(/^#+\n/, '')],
  ['other output', /^R97 std\w+ of run/, (text) => text.replace(/(SCOOT_CMD_LOG\n)out/, '$1oat')],
  ['another timeout', /^R101 std\w+ of run/, (text) => text.replace(/timeout \d+ms\n$/, 'timeout 7ms')],
  ['that they name no abort', /^R107 std\w+ of run/, (text) => text.replace('Task aborted', '')],
];

/** The message is that of the small failure; it is the same long before the failure is as small as it can be. */
const FOUND = { executions: 3_000, shrinkExecutions: 100 };

describe('the workload of drawn parts', () => {
  test('is silent about a runner that keeps its contract', async () => {
    const { failure, executions } = await exploreWorkload(partsWorkload(subjectOf(() => ({}))), {
      executions: 300,
    });
    expect(failure?.message).toBeUndefined();
    expect(executions).toBe(300);
  });

  test.for<readonly [what: string, change: Change, wrap?: (service: Service) => Service]>([
    [
      'sets its gauges to the value that they have',
      ({ metrics }) => {
        if (metrics === undefined) return {};
        for (const name of [METRIC_NAMES.RUNNING_TASK, METRIC_NAMES.UNHEALTHY]) metrics.gauge(name).set(0);
        const gauge: Metrics['gauge'] = (name) => ({
          set: (value) => {
            metrics.gauge(name).set(value);
            if (!name.startsWith('commandDirUsage')) metrics.gauge(name).set(value);
          },
        });
        return { metrics: { ...withoutGauges(metrics), gauge } };
      },
    ],
    [
      'gives outputs and directories names of another form',
      ({ outputs, tempDirs }) => ({
        outputs: (inner) => {
          const planned = outputs(inner);
          return { create: (id) => planned.create(id.replace(/^(.*)-(std\w+)$/, '$2-of-$1')) };
        },
        tempDirs: { ...tempDirs, create: (name) => tempDirs.create(`work-of-${name}`) },
      }),
    ],
    [
      'fails the queue of an unhealthy runner with another exit code',
      () => ({}),
      (service) =>
        showing(service, (status) =>
          status.error === 'Worker is unhealthy.' ? { ...status, exitCode: 250 } : status,
        ),
    ],
    [
      'says in its logs what the contract wants, in other words',
      logging((text) => {
        const other = text.replace('Out: ', 'Standard output: ').replace('FAILED\n', 'The end\n\n');
        return new TextEncoder().encode(other);
      }),
    ],
    ['never shows RUNNING of a process that takes no time', () => ({}), skippingRunning],
    [
      'passes on an environment in another order',
      ({ execer }) => ({
        execer: {
          ...execer,
          exec: ({ envVars = {}, ...command }) =>
            execer.exec({ ...command, envVars: Object.fromEntries(Object.entries(envVars).reverse()) }),
        },
      }),
    ],
  ])('is silent about a runner that %s', async ([, change, wrap]) => {
    const { failure } = await exploreWorkload(partsWorkload(subjectOf(change, wrap)), { executions: 1_500 });
    expect(failure?.message).toBeUndefined();
  });

  test.for(BROKEN)('finds a runner %s', async ([, message, change, wrap]) => {
    const { failure } = await exploreWorkload(partsWorkload(subjectOf(change, wrap)), FOUND);
    expect(failure?.message).toMatch(message);
  });

  test.for(OWN)('finds in the own logs of a runner %s', async ([, message, spoil]) => {
    const { failure } = await exploreWorkload(ownLogs(spoil), FOUND);
    expect(failure?.message).toMatch(message);
  });

  test('is silent about the own logs of a runner that keeps its contract', async () => {
    const { failure } = await exploreWorkload(
      ownLogs((text) => text),
      { executions: 1_500 },
    );
    expect(failure?.message).toBeUndefined();
  });

  test.for([
    [
      'run',
      /^the caller waits for the answer to run\(\["program",.*\) from the runner since 0 ms: expected an answer at 0 ms, in the instant of the call \(R65\), got none$/,
    ],
    [
      'statusAll',
      /^the caller waits for the answer to statusAll\(\) from the runner since 0 ms: expected an answer at 0 ms, without waiting \(R25 R30\), got none$/,
    ],
    [
      'query',
      /^the caller waits for the answer to query\(.* of run 0, without limit\) from the runner since 0 ms: expected its end with the release of the runner, at \d+ ms \(R84\), got none$/,
    ],
    [
      'abort',
      /^the caller waits for the answer to abort\(run 0\) from the runner since 0 ms: expected an answer once run 0 is over, which it is since \d+ ms \(R70 R71\), got none$/,
    ],
    [
      'release',
      /^the caller waits for the answer to release\(\) from the runner since \d+ ms: expected an answer once all runs are over \(R85\), got none$/,
    ],
  ] as const)(
    'names who waits for %s that is never answered, and what it is owed',
    async ([method, line]) => {
      const never = (): Promise<never> => new Promise<never>(() => {});
      const silent = subjectOf(
        () => ({}),
        (service) => having(service, { [method]: never }),
      );
      // Its first failing executions have no updates, which would go on for ever.
      const options = { executions: 100, shrinkExecutions: 100, seed: 'no updates' };
      const { failure } = await exploreWorkload(partsWorkload(silent), options);
      expect(failure?.kind).toBe('deadlock');
      expect(failure?.details).toContainEqual(expect.stringMatching(line));
    },
  );
});
