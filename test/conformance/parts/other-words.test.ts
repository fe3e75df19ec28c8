// Somebody's own part may have messages, labels and reports of its own: only cases that need `words` may fail for it.
import { describe, expect, test } from 'vitest';
import { chaosCases, type ChaosSubject } from '../../../src/conformance/parts/chaos-cases.ts';
import { nodeCases, type NodeSubject } from '../../../src/conformance/parts/node-cases.ts';
import { execerCases, type ExecerSubject } from '../../../src/conformance/parts/execer-cases.ts';
import { filerCases } from '../../../src/conformance/parts/filer-cases.ts';
import { simFilerCases, type SimFilerSubject } from '../../../src/conformance/parts/sim-filer-cases.ts';
import { lockCases } from '../../../src/conformance/parts/lock-cases.ts';
import { metricsCases, type MetricsUnderTest } from '../../../src/conformance/parts/metrics-cases.ts';
import { memoryOutputCases } from '../../../src/conformance/parts/memory-output-cases.ts';
import { outputCases, type OutputSubject } from '../../../src/conformance/parts/output-cases.ts';
import { memoryDiskCases, type MemoryDiskSubject } from '../../../src/conformance/parts/memory-disk-cases.ts';
import type { PartSubject } from '../../../src/conformance/parts/part-case.ts';
import { playbackCases } from '../../../src/conformance/parts/playback-cases.ts';
import { simExecerCases } from '../../../src/conformance/parts/sim-execer-cases.ts';
import { networkCases } from '../../../src/conformance/parts/network-cases.ts';
import type { SimulatedNetworkSubject } from '../../../src/conformance/parts/simulated-network/network-case.ts';
import { simulatedNetworkCases } from '../../../src/conformance/parts/simulated-network-cases.ts';
import { storeCases, type StoreSubject } from '../../../src/conformance/parts/store-cases.ts';
import type { Execer, ProcessStatus } from '../../../src/model/execer.ts';
import { isPending, type MaybePromise } from '../../../src/model/maybe-promise.ts';
import { RunnerError } from '../../../src/kernel/errors.ts';
import { createStatusStore, type StatusStoreOptions } from '../../../src/store/status-store.ts';
import { describeRunner } from '../../../src/vitest/describe-runner.ts';
import {
  callInOtherWords,
  choicesInOtherWords,
  inOtherWords,
  simInOtherWords,
  tracerInOtherWords,
  worldInOtherWords,
} from './other-words.ts';
import * as ours from './part-subjects.ts';
import { expectAllToFail, spoils } from './spoilt.ts';

const WORDS = { words: 'its messages are its own' };

/** A subject whose parts are worded otherwise: those that `create` and its like make. */
function reworded<Subject extends PartSubject>(subject: Subject, ...makers: (keyof Subject)[]): Subject {
  const changed = {
    ...subject,
    name: `${subject.name}, in other words`,
    lacks: { ...subject.lacks, ...WORDS },
  };
  for (const maker of makers) changed[maker] = callInOtherWords(subject[maker] as () => unknown) as never;
  return changed;
}

/** The subject with other texts of what has died of a signal. */
function endingInOtherWords(subject: ExecerSubject): ExecerSubject {
  const said = (status: ProcessStatus): ProcessStatus => ({
    ...status,
    error: status.error.replace('Killed by', 'died of'),
  });
  const saidLater = (status: MaybePromise<ProcessStatus>): MaybePromise<ProcessStatus> =>
    isPending(status) ? status.then(said) : said(status);
  return {
    ...subject,
    async create() {
      const under = await subject.create();
      const { cancelBoundMs } = under.execer;
      const exec: Execer['exec'] = async (command) => {
        const process = await under.execer.exec(command);
        return { wait: () => saidLater(process.wait()), abort: () => saidLater(process.abort()) };
      };
      return { ...under, execer: { cancelBoundMs, exec } };
    },
  };
}

describe('parts with messages of their own', () => {
  describeRunner(reworded(ours.networkSubject('a network', inOtherWords)), networkCases);
  const labelled: SimulatedNetworkSubject = {
    ...ours.simulatedNetwork,
    create: (sim, options) => ours.simulatedNetwork.create(simInOtherWords(sim), options),
  };
  describeRunner(reworded(labelled, 'create'), simulatedNetworkCases);
  const parts = Object.fromEntries(
    Object.entries(ours.locks.parts).map(([name, part]) => [
      name,
      typeof part === 'function' ? callInOtherWords(part as () => unknown) : part,
    ]),
  ) as unknown as typeof ours.locks.parts;
  const createMutex: typeof parts.createMutex = (world, options) =>
    parts.createMutex(worldInOtherWords(world), options);
  describeRunner(reworded({ ...ours.locks, parts: { ...parts, createMutex } }), lockCases);
  describeRunner(reworded(ours.memoryFilerSubject('a filer', inOtherWords)), filerCases);
  const asking: SimFilerSubject = {
    ...ours.simFiler,
    create: ({ choices, tracer, ...options }) =>
      ours.simFiler.create({
        ...options,
        ...(choices === undefined ? {} : { choices: choicesInOtherWords(choices) }),
        ...(tracer === undefined ? {} : { tracer: tracerInOtherWords(tracer) }),
      }),
  };
  describeRunner(reworded(asking, 'create'), simFilerCases);
  const { memoryOutputs } = ours;
  describeRunner(
    reworded<OutputSubject>({
      ...memoryOutputs,
      use: (body) => memoryOutputs.use((under) => body({ ...under, outputs: inOtherWords(under.outputs) })),
    }),
    outputCases,
  );
  describeRunner(reworded(memoryOutputs, 'create'), memoryOutputCases);
  const { memoryMetrics } = ours;
  const create = async (): Promise<MetricsUnderTest> => {
    const made = await memoryMetrics.create();
    return { ...made, metrics: inOtherWords(made.metrics) };
  };
  describeRunner(reworded({ ...memoryMetrics, create }, 'createInMemory'), metricsCases);
  for (const execer of ours.execerSubjects(inOtherWords)) {
    describeRunner(reworded(endingInOtherWords(execer)), execerCases);
  }
  describeRunner(reworded(ours.simExecer, 'create'), simExecerCases);
  describeRunner(reworded(ours.playbackExecer, 'create'), playbackCases);
  const tracing: StoreSubject = {
    ...ours.statusStore,
    create: ({ tracer, ...options }) =>
      ours.statusStore.create({
        ...options,
        ...(tracer === undefined ? {} : { tracer: tracerInOtherWords(tracer) }),
      }),
  };
  describeRunner(reworded(tracing, 'create'), storeCases);
  const disk: MemoryDiskSubject = {
    ...ours.memoryDisk,
    create: (world, options) => ours.memoryDisk.create(worldInOtherWords(world), options),
  };
  describeRunner(reworded(disk, 'create'), memoryDiskCases);
  const chaos: ChaosSubject = {
    ...ours.chaos,
    create: (world, ...given) => ours.chaos.create(worldInOtherWords(world), ...given),
  };
  describeRunner(reworded(chaos, 'create'), chaosCases);
  const node: NodeSubject = {
    ...ours.serviceNode,
    create: (sim, options) => ours.serviceNode.create(simInOtherWords(sim), options),
  };
  describeRunner(reworded(node, 'create'), nodeCases);
});

test('each case of stores can fail for one with messages of its own', async () => {
  const subjects = spoils([
    'newRun',
    'update',
    'query',
    'queryNow',
    'statusAll',
    'awaitService',
    'close',
  ]).map((spoil) =>
    reworded(
      { ...ours.statusStore, create: (options: StatusStoreOptions) => spoil(createStatusStore(options)) },
      'create',
    ),
  );
  await expectAllToFail(storeCases, subjects);
});

test('R23 the text for an unknown run is held, also of a store with messages of its own', async () => {
  const store = reworded(ours.statusStore, 'create');
  const create = (options: StatusStoreOptions) => {
    const made = store.create(options);
    const status = () => {
      throw new RunnerError('RUNNER_UNKNOWN_RUN', 'no such run');
    };
    return new Proxy(made, {
      get: (target, key) => (key === 'currentStatus' ? status : (Reflect.get(target, key) as unknown)),
    });
  };
  const [first] = storeCases;
  await expect(first?.prove({ ...store, create })).rejects.toThrow(/unknown run id 0/);
});
