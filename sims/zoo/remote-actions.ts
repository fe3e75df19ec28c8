/**
 * Clients of a build cluster behind a network that lies: calls are refused, answers are lost, watches break off or end too soon, blobs and
 * results are evicted. Whatever happens, each client gets what its action says, and nothing runs twice without a reason.
 */
import {
  type Command,
  createMemoryOutputs,
  createMemoryTree,
  defineScenario,
  type Digest,
  finalStatus,
  type MemoryOutputs,
  type RunStatus,
  type ScenarioDefinition,
  type Service,
  type Simulation,
  type TraceEvent,
  virtualTempDirs,
} from 'dryrunner';
import { createQueueRunner, createSimExecer } from 'dryrunner/kit';
import {
  createActionStore,
  createContentFiler,
  createMemoryActionCache,
  createMemoryContentStore,
  createRemoteRunner,
  createRemoteService,
  createSimActionCache,
  createSimContentStore,
  createWritingExecer,
  digestOf,
  encodeAction,
  encodeCommand,
  type MemoryContentStore,
  overWire,
  parseDigest,
  type RemoteService,
  RpcError,
  snapshotOfDigest,
} from 'dryrunner/remote';
import { pick, pickMs, rarely } from './odds.ts';

const STEP_MS = 50;
const TIMEOUT_MS = 200;
const STRIKES_MAX = 4;
/** Longer than any call is late, several times over. */
const SETTLED_MS = 2_000;
const TURNS = 2;
/** Of what is given up before it ends. */
const LONG_MS = 5_000;

/** What a client wants, and what must come of it. */
interface Job {
  readonly command: Command;
  /** Names what it does: equal ones are the same action. */
  readonly key: string;
  readonly exitCode: number;
  readonly stdout: string;
  readonly output: string | undefined;
  readonly isAction: boolean;
  readonly abortMs: number | undefined;
}

/** Everything on the side of the cluster. */
interface Cluster {
  readonly sim: Simulation;
  readonly worker: Service;
  readonly transport: RemoteService;
  /** How often each action was begun: by its key. */
  readonly starts: Map<string, number>;
  /** How often each method of the server was called. */
  readonly calls: ReadonlyMap<string, number>;
  /** Between the turns, when nobody is at work. */
  evictAll(): void;
}

/** A job that has ended, and how often its client had a reason to execute it again. */
interface Done {
  readonly job: Job;
  readonly reasons: number;
}

export const remoteActions: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-remote-actions',
  description:
    'clients a and b run commands and actions on a build cluster, over a network that refuses calls and loses answers; the server may lose what it has stored, also just after it has confirmed it. Clients upload again what is lost, and try again, up to 12 times: each gets what its action says, and nothing runs twice without a reason',
  async run(sim) {
    const { server, ...cluster } = makeCluster(sim);
    const clients = ['a', 'b'].map((name) => new Client(cluster, name));
    for (let turn = 0; turn < TURNS; turn += 1) {
      await Promise.all(clients.map((client) => client.work(turn)));
      if (sim.strikes('the store', 'eviction', { oneIn: 4 })) cluster.evictAll();
    }
    sim.heal();
    await sim.sleep(SETTLED_MS, 'all is quiet');
    const { statuses } = await cluster.worker.statusAll();
    const lively = statuses.filter(({ state }) => state === 'RUNNING' || state === 'PENDING');
    sim.check(lively.length === 0, 'the cluster still works on what nobody waits for');
    checkStarts(
      cluster,
      clients.flatMap(({ done }) => done),
    );
    await Promise.all(clients.map((client) => client.release()));
    server.close();
    await cluster.worker.release();
  },
});

function makeCluster(sim: Simulation): Cluster & { readonly server: { close(): void } } {
  const { world } = sim;
  const blobs = createMemoryContentStore();
  const tree = createMemoryTree();
  const content = createSimContentStore(world, blobs, { maxDelayMs: 20 });
  const results = createMemoryActionCache();
  const cache = createSimActionCache(world, results, blobs, { rates: { lose: 0.05 } });
  const starts = new Map<string, number>();
  const scripts = createWritingExecer(createSimExecer({ clock: world.clock }), tree);
  const worker = createQueueRunner(world, {
    name: 'worker',
    capacity: 10,
    execer: {
      cancelBoundMs: scripts.cancelBoundMs,
      exec: (command) => {
        const key = command.envVars?.['KEY'] ?? '';
        starts.set(key, (starts.get(key) ?? 0) + 1);
        return scripts.exec(command);
      },
    },
    outputs: createMemoryOutputs(),
    tempDirs: virtualTempDirs(),
    filers: new Map([['bazel', { filer: createContentFiler({ content, tree }) }]]),
    actions: createActionStore({ content, cache, tree }),
  });
  const server = createRemoteService(world, { runner: worker, content, cache });
  const evictAll = (): void => {
    for (const key of [...blobs.keys]) {
      const digest = parseDigest(key);
      if (digest !== undefined) blobs.evict(digest);
    }
  };
  const calls = new Map<string, number>();
  const transport = badNetwork(sim, overWire(server), blobs, calls);
  return { sim, worker, starts, calls, server, evictAll, transport };
}

type Fault = 'refused' | 'answer lost' | 'forgotten' | 'cut' | 'ends too soon';

/** A few calls go wrong, each in its way. */
function badNetwork(
  sim: Simulation,
  service: RemoteService,
  blobs: MemoryContentStore,
  calls: Map<string, number>,
): RemoteService {
  let left = STRIKES_MAX;
  sim.world.onHeal(() => {
    left = 0;
  });
  const strike = (path: string, faults: readonly Fault[]): Fault | undefined => {
    const method = path.slice(path.lastIndexOf('/') + 1);
    calls.set(method, (calls.get(method) ?? 0) + 1);
    if (left === 0) return undefined;
    const fault = faults.find((kind) => sim.strikes(method, kind, { oneIn: 12 }));
    if (fault !== undefined) left -= 1;
    return fault;
  };
  const down = (): RpcError => new RpcError('UNAVAILABLE', 'the network is down');
  return {
    async unary(method, request, context) {
      const isUpload = method.path.endsWith('/BatchUpdateBlobs');
      const fault = strike(method.path, ['refused', isUpload ? 'forgotten' : 'answer lost']);
      if (fault === 'refused') throw down();
      const answer = await service.unary(method, request, context);
      if (fault === 'forgotten') forget(sim, blobs, request);
      if (fault === 'answer lost') throw down();
      return answer;
    },
    async *serverStream(method, request, context) {
      const fault = strike(method.path, ['refused', 'cut', 'ends too soon']);
      if (fault === 'refused') throw down();
      // A blob of one message is short if it ends before that.
      const whole = method.path.endsWith('/Read') ? 0 : 1;
      let given = 0;
      for await (const answer of service.serverStream(method, request, context)) {
        if (given === whole && fault === 'cut') throw down();
        if (given === whole && fault === 'ends too soon') return;
        yield answer;
        given += 1;
      }
    },
    async clientStream(method, requests, context) {
      if (strike(method.path, ['refused']) !== undefined) throw down();
      return service.clientStream(method, requests, context);
    },
  };
}

/** The store loses what it has just taken. */
function forget(sim: Simulation, blobs: MemoryContentStore, request: unknown): void {
  const { requests } = request as { readonly requests: readonly { readonly digest: Digest | null }[] };
  const digests = requests.flatMap(({ digest }) => digest ?? []);
  for (const digest of digests) blobs.evict(digest);
  const names = digests.map(({ hash }) => hash.slice(0, 8)).join(', ');
  sim.note(`the server says that it has stored blobs ${names}, and has lost them`);
}

/** Does a job in each turn. */
class Client {
  readonly done: Done[] = [];
  readonly #cluster: Cluster;
  readonly #name: string;
  readonly #content = createMemoryContentStore();
  readonly #outputs = createMemoryOutputs();
  readonly #runner: Service;
  #reasons = 0;

  constructor(cluster: Cluster, name: string) {
    this.#cluster = cluster;
    this.#name = name;
    const { sim, transport } = cluster;
    const { tracer } = sim.world;
    const record = (event: TraceEvent): void => {
      if (event.type === 'recorded' && event.isRepeated === true) this.#reasons += 1;
      tracer.record(event);
    };
    this.#runner = createRemoteRunner(
      { ...sim.world, tracer: { record, keepsEvents: tracer.keepsEvents === true } },
      { name, transport, outputs: this.#outputs, content: this.#content, retriesMax: 12, capacity: 2 },
    );
  }

  async work(turn: number): Promise<void> {
    const { sim } = this.#cluster;
    const job = drawJob(sim, this.#content, `${this.#name}${turn}`);
    const before = this.#reasons;
    const { runId } = await this.#runner.run(job.command);
    const aborting =
      job.abortMs === undefined ? undefined : abortLater(sim, this.#runner, runId, job.abortMs);
    const { status } = await finalStatus(this.#runner, runId);
    await aborting;
    this.done.push({ job, reasons: this.#reasons - before });
    checkEnd(this.#cluster, job, status, this.#outputs);
  }

  release(): Promise<void> {
    return this.#runner.release();
  }
}

async function abortLater(sim: Simulation, runner: Service, runId: string, ms: number): Promise<void> {
  await sim.sleep(ms, 'loses patience');
  await runner.abort(runId);
}

function drawJob(sim: Simulation, content: MemoryContentStore, name: string): Job {
  const exitCode = pick(sim, { subject: name, what: 'exit code' }, [0, 3], 2);
  const isAction = rarely(sim, { subject: name, what: 'is an action' }, 2);
  const abortMs = rarely(sim, { subject: name, what: 'is given up' }, 6)
    ? pickMs(sim, { subject: name, what: 'is given up after' }, 4, STEP_MS, 0, '')
    : undefined;
  const runMs =
    abortMs === undefined ? pickMs(sim, { subject: name, what: 'runs for' }, 3, STEP_MS, 0, '') : LONG_MS;
  const key = isAction ? `action ${exitCode} ${runMs}` : `command ${exitCode} ${runMs}`;
  const stdout = `output of ${key}`;
  const script = [`stdout ${stdout}`, `sleep ${runMs}`, `write out ${key}`, `complete ${exitCode}`];
  const common = { key, exitCode, stdout, isAction, abortMs };
  if (!isAction) {
    const argv = script.filter((step) => !step.startsWith('write'));
    return { ...common, command: { argv, envVars: { KEY: key } }, output: undefined };
  }
  const commandDigest = content.add(
    encodeCommand({
      arguments: script,
      environmentVariables: { KEY: key },
      outputFiles: ['out'],
      outputDirectories: [],
      outputPaths: [],
      workingDirectory: '',
      platform: [],
    }),
  );
  const inputRootDigest = content.add('');
  const timeoutMs = abortMs === undefined ? TIMEOUT_MS : 2 * LONG_MS;
  const action = { commandDigest, inputRootDigest, doNotCache: false, timeoutMs };
  const actionDigest = content.add(encodeAction(action));
  const snapshotId = snapshotOfDigest(actionDigest);
  return { ...common, command: { argv: [], snapshotId, executeRequest: { actionDigest } }, output: key };
}

function checkEnd({ sim, calls }: Cluster, job: Job, status: RunStatus, outputs: MemoryOutputs): void {
  const { state, exitCode, error, stdoutRef, actionResult } = status;
  if (job.abortMs !== undefined && state === 'ABORTED') return;
  const called = [...calls].map(([method, times]) => `${method} ${times} times`).join(', ');
  const got = `${state} with exit code ${exitCode}${error === '' ? '' : ` (${error})`}`;
  sim.check(
    state === 'COMPLETE' && exitCode === job.exitCode,
    `${job.key} did not end as it should\n\nExpected COMPLETE with exit code ${job.exitCode}, got ${got}.\nCalls that reached the network until then, of all clients: ${called}.`,
  );
  const text = outputs.find(stdoutRef)?.text() ?? '';
  sim.check(
    text === job.stdout,
    `what ${job.key} wrote is not what its client gets\n\nExpected "${job.stdout}", got "${text}".`,
  );
  if (!job.isAction) return;
  sim.check(
    actionResult?.cached !== true || job.exitCode === 0,
    `${job.key} failed, and its failure was cached`,
  );
  const [file] = actionResult?.result?.outputFiles ?? [];
  const expected = digestOf(job.output ?? '');
  sim.check(file?.digest.hash === expected.hash, `the output of ${job.key} is not in its result`);
}

/** What ran is what was asked for: each command by itself, an action at least once, and no more often than there were reasons. */
function checkStarts({ sim, starts }: Cluster, done: readonly Done[]): void {
  for (const key of new Set(done.map(({ job }) => job.key))) {
    const mine = done.filter(({ job }) => job.key === key);
    const reasons = mine.reduce((sum, each) => sum + each.reasons, 0);
    const ran = starts.get(key) ?? 0;
    sim.check(
      ran <= mine.length + reasons,
      `${key} was started more often than there was a reason for\n\nExpected at most ${mine.length} + ${reasons}, got ${ran}.`,
    );
    const sure = mine.filter(({ job }) => job.abortMs === undefined && !job.isAction).length;
    sim.check(
      ran >= sure,
      `runs of ${key} were merged although nobody said they may be\n\nExpected at least ${sure}, got ${ran}.`,
    );
  }
}
