// Arguments with which what the doors export can be called, for those that take any: right ones, so that one after the other can be made
// wrong, and so that there is something to attack where what comes back has methods.
import { createClock as createFakeClock } from '@sinonjs/fake-timers';
import fc from 'fast-check';
import { mkdtempSync, rmSync } from 'node:fs';
import { Registry } from 'prom-client';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as host from '../../src/host/index.ts';
import {
  type ActionStoreOptions,
  createMemoryActionCache,
  createMemoryContentStore,
  createRemoteService,
  digestOf,
  overWire,
} from '../../src/remote/index.ts';
import { ServiceReach } from '../../src/oracles/reach-kinds.ts';
import * as door from './own-doors.ts';
import { createMutex } from '../../src/cluster/index.ts';
import * as explore from '../../src/explore/index.ts';
import * as trace from '../../src/trace/index.ts';

type Given = () => readonly unknown[];

const world = (): door.World => ({
  clock: door.createVirtualClock(),
  choices: door.createDecisions(door.fifoDecisions()),
  random: door.createRandomStream(1),
});

const clock = (): door.VirtualClock => door.createVirtualClock();

/** What a runner that invokes commands is made of. */
const parts = (): door.InvokerOptions => ({
  name: 'runner',
  execer: door.createDoneExecer(),
  filers: new Map([['scoot', { filer: door.createVirtualFiler() }]]),
  outputs: door.createNullOutputs(),
  tempDirs: door.virtualTempDirs(),
});

const service = (): door.Service => door.createFakeRunner(world());

const actionParts = (): ActionStoreOptions => ({
  content: createMemoryContentStore(),
  cache: createMemoryActionCache(),
  tree: door.createMemoryTree(),
});
const remoteParts = () => ({
  runner: service(),
  content: createMemoryContentStore(),
  cache: createMemoryActionCache(),
});

const header: trace.TraceHeader = { kind: 'decisions', seed: '1' };

const traceText = (): string => {
  const writer = trace.createTraceWriter(header);
  return writer.header() + writer.end();
};

const scenario = { name: 'nothing', description: 'Does nothing.', run: () => Promise.resolve() };

const verdict = { scenario: 'nothing', seed: '1', virtualMs: 0, traceHash: '0' };

let folder: string | undefined;
/** One folder for all that needs one on the disk. */
const disk = (): string => (folder ??= mkdtempSync(join(tmpdir(), 'dryrunner-doors-')));

/** Removes what calls with these arguments have made. */
export function removeValid(): void {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  folder = undefined;
}

const silent = (): void => undefined;

/** By the name of the function or class. */
export const VALID: Readonly<Record<string, Given>> = {
  createChaosRunner: () => [world(), service(), {}],
  createFolderDisk: () => [{ folder: join(disk(), 'files') }],
  createMemoryDisk: () => [world(), { name: 'n1' }],
  createChannel: () => [world(), { name: 'jobs' }],
  createCondition: () => [createMutex(world(), { name: 'jobs' }), { name: 'filled' }],
  createCountingUpdater: () => [{ updateIntervalMs: 1, paused: true }],
  createDecisions: () => [door.fifoDecisions()],
  createDeferred: () => [world(), { name: 'answer' }],
  createDirMonitor: () => [new Map([['x', '/proc/no/such/0']])],
  createDirectoryFiler: () => [{ store: join(disk(), 'store'), root: disk() }],
  createErrorExecer: () => [new Error('on purpose')],
  createFakeRunner: () => [world(), { name: 'runner', idPrefix: '' }],
  createFixedFiler: () => ['/fixed'],
  createGitFiler: () => [{ repo: join(disk(), 'repo'), root: disk() }],
  createHistory: () => [clock()],
  createInterceptExecer: () => [{ interceptor: door.createDoneExecer(), fallback: door.createDoneExecer() }],
  createInvoker: () => [world(), parts()],
  createLocalOutputs: () => [{ dir: join(disk(), 'outputs') }],
  createMutex: () => [world(), { name: 'jobs' }],
  createNetwork: () => [
    { world: { ...world(), tracer: { record: silent }, onHeal: silent }, onEnd: silent },
    {},
  ],
  createNode: () => [
    { world: { ...world(), onHeal: silent, tracer: { record: silent } } },
    { name: 'node', start: service },
  ],
  createOsExecer: () => [{ clock: clock(), graceMs: 1 }],
  createPollingQuerier: () => [world(), service(), { periodMs: 1, name: 'polling' }],
  createPollingService: () => [world(), service(), service(), { periodMs: 1 }],
  createPrometheusMetrics: () => [{ registry: new Registry() }],
  createSemaphore: () => [world(), { name: 'slots', permits: 2 }],
  createSystemClock: () => [{ keepsAlive: false }],
  createQueueRunner: () => [world(), { ...parts(), capacity: 2 }],
  createRandomStream: () => [1],
  createPlaybackExecer: () => [{ clock: clock(), recordingOf: silent }],
  createRecorder: () => [world()],
  createSimExecer: () => [{ clock: clock(), runner: 'runner', graceMs: 1 }],
  createSimFiler: () => [{ clock: clock(), name: 'sim', latencyMs: 0 }],
  createActionStore: () => [actionParts()],
  createContentFiler: () => [{ content: createMemoryContentStore(), tree: door.createMemoryTree() }],
  createSimContentStore: () => [world(), createMemoryContentStore()],
  createSimActionCache: () => [world(), createMemoryActionCache(), createMemoryContentStore()],
  createWritingExecer: () => [door.createDoneExecer(), door.createMemoryTree()],
  readOutputs: () => [
    world(),
    {
      transport: overWire(createRemoteService(world(), remoteParts())),
      result: { outputFiles: [], outputDirectories: [], outputSymlinks: [] },
    },
  ],
  createRemoteRunner: () => [world(), { transport: overWire(createRemoteService(world(), remoteParts())) }],
  createRemoteService: () => [world(), remoteParts()],
  withRemoteFaults: () => [createRemoteService(world(), remoteParts()), world(), {}],
  createCasFiler: () => [{ content: createMemoryContentStore(), root: disk() }],
  createDiskActionCache: () => [{ dir: join(disk(), 'results') }],
  createDiskActions: () => [{ content: createMemoryContentStore(), cache: createMemoryActionCache() }],
  createDiskContentStore: () => [{ dir: join(disk(), 'blobs') }],
  overWire: () => [createRemoteService(world(), remoteParts())],
  MissingBlobsError: () => [[digestOf('missing')], undefined],
  RpcError: () => ['NOT_FOUND', 'no such operation'],
  createSimulatedRunner: () => [world(), { name: 'runner', capacity: 2 }],
  createSingleRunner: () => [world(), parts()],
  createStatusStore: () => [{ clock: clock(), name: 'store', idPrefix: '', capacity: 2 }],
  createStatusesRO: () => [[door.pendingStatus('0', door.NO_TAGS)], door.HEALTHY_SERVICE_STATUS],
  createStrategy: () => ['random', 1],
  createTempDirs: () => [{ root: disk() }],
  abortStatus: () => ['0'],
  assertRunnerProperty: () => [{ create: service }],
  certify: () => [scenario],
  checkLinearizable: () => [door.createHistory(clock()), door.registerModel(0)],
  checkReplay: () => [explore.createExecutor(scenario), []],
  chosenOutputFaults: () => [{ world: world() }],
  chosenSkew: () => [{ world: world() }, 'node'],
  completeStatus: () => ['0', '', 0],
  decisionLogLines: () => [[]],
  digestOutput: () => ['text'],
  exhaustiveStrategy: () => [scenario],
  exitCodeOf: () => [new door.ExitCodeError(1, 'message')],
  explain: () => [explore.createExecutor(scenario), []],
  // This strategy ends by itself: the scenario asks for nothing.
  explore: () => [explore.createExecutor(scenario), explore.exhaustiveStrategy(scenario)],
  failedStatus: () => ['0', new door.ExitCodeError(1, 'message')],
  formatCommand: () => [{ argv: ['true'] }],
  freshModules: () => [import.meta.url],
  pendingStatus: () => ['0'],
  readDecisionLog: () => [traceText()],
  readRecording: () => [[...trace.recordingLines({ entries: [] })]],
  readSimulation: () => [[...trace.simulationLines({ decisions: [], events: [] })]],
  readSwf: () => ['1 0 5 60 1 -1 -1 1 90 -1 1 3 -1 -1 -1 -1 -1 -1\n'],
  recordingLines: () => [{ entries: [] }],
  replayStrategy: () => [[]],
  runnerWorkload: () => [{ name: 'runner', create: service }],
  schedulerWorkload: () => [{ name: 'scheduler', create: service }],
  serviceWorkload: () => [{ name: 'service', create: service }],
  stubWorkload: () => [
    { name: 'stub', program: () => ({}), model: door.registerModel(0), calls: { read: [[]] } },
  ],
  runCampaign: () => [explore.createExecutor(scenario), explore.exhaustiveStrategy(scenario)],
  runningStatus: () => ['0', '', ''],
  serviceStatus: () => [true, true],
  shrink: () => [explore.createExecutor(scenario), [], 'check never'],
  simulationLines: () => [{ decisions: [], events: [] }],
  simulationProperty: () => [[fc.nat()], silent],
  sleep: () => [host.createSystemClock({ keepsAlive: false }), 0],
  timeoutStatus: () => ['0'],
  createWorkload: () => [
    [{ id: 'a', submitMs: 0, runMs: 1, end: 'completed', after: { jobId: 'b', thinkMs: 1 } }],
    { timeScale: 2 },
  ],
  swfWorkload: () => [[]],
  openTrace: () => [traceText()],
  createTraceRecorder: () => [{ hash: door.createRollingHash() }],
  createTraceWriter: () => [header],
  createExecutor: () => [scenario, undefined],
  createExecRunner: () => [{ outputs: host.createLocalOutputs({ dir: join(disk(), 'outputs') }) }],
  composeFiler: () => [
    {
      checkouter: door.createVirtualFiler(),
      ingester: door.createVirtualFiler(),
      updater: door.createVirtualFiler(),
    },
  ],
  defineScenario: () => [scenario],
  fakeTimersWorld: () => [createFakeClock(), { seed: 1 }],
  meterService: () => [service(), { metrics: door.NULL_METRICS, clock: clock() }],
  skewedClock: () => [clock(), { offsetMs: 1, driftPpm: 0 }],
  watchAnswers: () => [world(), service(), silent],
  watchCalls: () => [{ read: silent }, door.createHistory(clock()), 'a'],
  watchHistory: () => [service(), door.createHistory(clock()), 'client'],
  watchService: () => [world(), service(), silent],
  withTimeout: () => [world(), 1, silent, {}],
  writeTraceFile: () => ['/dev/null', ['line']],
  TraceFormatError: () => [{ problem: 'header', line: 1, expected: 'this', actual: 'that' }],
  SimulationFailedError: () => [verdict],
  ConformanceCase: () => ['group', { title: 'title', run: () => Promise.resolve() }],
  ConformanceError: () => ['message', 1, 2],
  ContractBrokenError: () => ['R1', 'message'],
  ExitCodeError: () => [1, 'message'],
  InjectedFaultError: () => [{ operation: 'run', kind: 'before' }],
  NeverReachedError: () => [['end FAILED'], 3, new ServiceReach()],
  RunnerError: () => ['RUNNER_BUSY', 'message', {}],
  RunnerModel: () => [2],
  RunRejectedError: () => ['RUNNER_BUSY', 'message'],
};
