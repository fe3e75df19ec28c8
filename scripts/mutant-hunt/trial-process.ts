// A process that hunts in one copy of the package, in each way in turn. Takes a TrialTask as its argument and prints a TrialLine per step.
// Invariants: it is compiled into the copy, so that all that it runs has the mutation; what hangs, the parent ends.
import { createReadStream, writeSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import {
  chaosCases,
  conformanceCases,
  diskCases,
  execerCases,
  filerCases,
  lockCases,
  memoryDiskCases,
  memoryOutputCases,
  metricsCases,
  networkCases,
  nodeCases,
  outputCases,
  playbackCases,
  runConformance,
  simExecerCases,
  simFilerCases,
  simulatedNetworkCases,
  storeCases,
} from '../../src/conformance/index.ts';
import { createCoverage, createExecutor, createStrategy, runCampaign } from '../../src/explore/index.ts';
import type { Coverage, Executor } from '../../src/explore/index.ts';
import { messageOf } from '../../src/kernel/errors.ts';
import type { ScenarioDefinition } from '../../src/simulation/scenario.ts';
import { tuneEngine } from '../../src/threads/engine-settings.ts';
import { virtualSubjects } from '../../test/conformance/subjects.ts';
import {
  chaos,
  execerSubjects,
  locks,
  memoryDisk,
  memoryFilerSubject,
  memoryMetrics,
  memoryOutputs,
  networkSubject,
  playbackExecer,
  serviceNode,
  simExecer,
  simFiler,
  simulatedNetwork,
  statusStore,
} from '../../test/conformance/parts/part-subjects.ts';
import { memorySubject } from '../../test/disks/memory-subject.ts';
import type { Trial, TrialLine, TrialTask, Way } from './trial.ts';

type Loaders = Readonly<Record<string, () => Promise<ScenarioDefinition>>>;

/** The first turns are short, so that none that would fail at once has to wait long for its own. */
const FIRST_SLICE_MS = 60;
const SLICE_GROWTH = 1.6;
const SLICE_MS_MAX = 4_000;
/** A set that has not executed the change once by then is given up: it would rarely do so later, and never more often. */
const UNREACHED_SHARE = 1 / 4;

interface Counting {
  reachedMutant?: number;
}

/** Executions of the change since the modules were loaded; undefined if nothing is counted, or only the module's own start executes it. */
let reached: () => number | undefined = () => undefined;

function say(line: TrialLine): void {
  const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
  for (let written = 0; written < bytes.length;) {
    try {
      written += writeSync(1, bytes, written);
    } catch (error) {
      // A pipe that is full takes more once its reader has had a turn.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}

/** Of the processor, in all threads. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function firstLine(error: unknown): string {
  return messageOf(error).split('\n')[0] ?? '';
}

async function genericSet(): Promise<Loaders> {
  return (await import('../../sims/generic/index.ts')).genericScenarios as Loaders;
}

const SETS: Readonly<Record<'generic' | 'shipped', () => Promise<Loaders>>> = {
  generic: genericSet,
  async shipped() {
    const generic = await genericSet();
    const all = Object.entries((await import('../../sims/index.ts')).scenarios as Loaders);
    return Object.fromEntries(all.filter(([name]) => generic[name] === undefined));
  },
};

/** One scenario, explored a slice at a time. */
class ScenarioHunt {
  readonly name: string;
  executions = 0;
  #nextIndex = 0;
  #sliceMs = FIRST_SLICE_MS;
  readonly #executor: Executor;
  readonly #strategy: ReturnType<typeof createStrategy>;
  readonly #coverage: Coverage = createCoverage();
  isExhausted = false;

  constructor(name: string, executor: Executor, seed: string) {
    this.name = name;
    this.#executor = executor;
    this.#strategy = createStrategy('portfolio', seed);
  }

  /** What failed, in one line; undefined if nothing did in its slice. */
  async slice(untilMs: number, maxExecutions = Infinity): Promise<string | undefined> {
    const endMs = maxExecutions < Infinity ? Infinity : Math.min(untilMs, cpuMs() + this.#sliceMs);
    this.#sliceMs = Math.min(SLICE_MS_MAX, this.#sliceMs * SLICE_GROWTH);
    let difference: string | undefined;
    const { executions, failures, cutOff, nextIndex, stoppedBy } = await runCampaign(
      this.#executor,
      this.#strategy,
      {
        firstIndex: this.#nextIndex,
        maxExecutions,
        coverage: this.#coverage,
        shouldStop: () => difference !== undefined || cpuMs() > endMs,
        onEvent: (event) => {
          if (event.type === 'nondeterministic') difference ??= event.difference.text;
        },
      },
    );
    this.executions += executions;
    this.#nextIndex = nextIndex;
    this.isExhausted = stoppedBy === 'exhausted' && maxExecutions === Infinity;
    if (difference !== undefined) return `not deterministic: ${difference}`;
    const [failure] = failures;
    if (failure !== undefined) return failure.message.split('\n')[0] ?? '';
    return cutOff.length > 0 ? this.#decide(untilMs) : undefined;
  }

  /** An execution came to the end of its events, which shows nothing while none has ended: with time it is run to an end. */
  async #decide(untilMs: number): Promise<string | undefined> {
    const { failures } = await runCampaign(this.#executor, createStrategy('portfolio', 'decide'), {
      maxExecutions: 1,
      shouldStop: () => cpuMs() > untilMs,
    });
    return failures[0]?.message.split('\n')[0];
  }
}

interface Frame {
  readonly way: Way;
  readonly startMs: number;
  readonly reachedBefore: number | undefined;
}

function framed(way: Way): Frame {
  return { way, startMs: cpuMs(), reachedBefore: reached() };
}

function trialOf({ way, startMs, reachedBefore }: Frame, given: Partial<Trial>): Trial {
  const reachedNow = reached();
  const counts =
    reachedNow === undefined || reachedBefore === undefined ? {} : { reached: reachedNow - reachedBefore };
  return {
    ...{ way, found: false, by: '', sentence: '', executions: 0, ownExecutions: 0 },
    ...{ seconds: (cpuMs() - startMs) / 1_000, ...counts, ...given },
  };
}

/** All scenarios of a set in turns, until one fails. */
async function exploreSet(way: 'generic' | 'shipped', task: TrialTask): Promise<Trial> {
  const frame = framed(way);
  const endMs = frame.startMs + task.seconds * 1_000;
  const hunts: ScenarioHunt[] = [];
  const found = (hunt: Pick<ScenarioHunt, 'name' | 'executions'>, sentence: string): Trial => {
    const executions = hunts.reduce((sum, each) => sum + each.executions, 0);
    const { name: by, executions: ownExecutions } = hunt;
    return trialOf(frame, { found: true, by, sentence, executions, ownExecutions });
  };
  const at = (by: string, executions: number): void => say({ type: 'at', way, by, executions });
  for (const [name, load] of Object.entries(await SETS[way]())) {
    at(name, 0);
    try {
      const scenario = await load();
      const input = await scenario.prepare?.({ read: (path) => createReadStream(join(task.files, path)) });
      hunts.push(new ScenarioHunt(name, createExecutor(scenario, input), `${task.seed} ${name}`));
    } catch (error) {
      return found({ name, executions: 0 }, `does not load: ${firstLine(error)}`);
    }
  }
  const isOver = (): boolean => {
    if (task.executions !== undefined) return false;
    const isReached = frame.reachedBefore === undefined || reached() !== frame.reachedBefore;
    return cpuMs() > (isReached ? endMs : frame.startMs + task.seconds * 1_000 * UNREACHED_SHARE);
  };
  let rest = hunts;
  do {
    for (const hunt of rest) {
      if (isOver()) break;
      at(hunt.name, hunt.executions);
      const sentence = await hunt.slice(endMs, task.executions);
      if (sentence !== undefined) return found(hunt, sentence);
    }
    rest = rest.filter(({ isExhausted }) => !isExhausted);
  } while (rest.length > 0 && task.executions === undefined && !isOver());
  return trialOf(frame, { executions: hunts.reduce((sum, each) => sum + each.executions, 0) });
}

const DISKS = [
  memorySubject('a disk in memory whose power fails', 'powerFail'),
  memorySubject('a disk in memory that loses in any order', 'powerFail', { faults: { reorder: true } }),
  memorySubject('a disk in memory that tears at sectors', 'powerFail', { tearBytes: 512 }),
  memorySubject('a disk in memory whose process dies', 'crash'),
];

interface ProvedList {
  readonly name: string;
  readonly cases: readonly { readonly title: string; readonly prove: () => Promise<void> }[];
}

function listOf<Subject extends { readonly name: string }>(
  subject: Subject,
  cases: readonly {
    readonly title: string;
    skipReason?(subject: Subject): string | undefined;
    prove(subject: Subject): Promise<void>;
  }[],
): ProvedList {
  const meant = cases.filter((each) => each.skipReason?.(subject) === undefined);
  return {
    name: subject.name,
    cases: meant.map((each) => ({ title: each.title, prove: () => each.prove(subject) })),
  };
}

/** Parts other than runners, and the cases that they are held to. */
const LISTS: readonly ProvedList[] = [
  listOf(networkSubject('the network of a simulation'), networkCases),
  listOf(simulatedNetwork, simulatedNetworkCases),
  listOf(locks, lockCases),
  listOf(memoryFilerSubject('a filer in memory'), filerCases),
  listOf(simFiler, simFilerCases),
  listOf(memoryOutputs, outputCases),
  listOf(memoryOutputs, memoryOutputCases),
  listOf(memoryMetrics, metricsCases),
  ...execerSubjects().map((execer) => listOf(execer, execerCases)),
  listOf(simExecer, simExecerCases),
  listOf(playbackExecer, playbackCases),
  listOf(statusStore, storeCases),
  listOf(chaos, chaosCases),
  listOf(serviceNode, nodeCases),
  listOf(memoryDisk, memoryDiskCases),
  ...DISKS.map((disk) => listOf(disk, diskCases)),
];

/** Each case that any runner or other part can be held to, until one fails. */
async function proveAll(): Promise<Trial> {
  const frame = framed('conformance');
  let executions = 0;
  const at = (by: string): void => say({ type: 'at', way: 'conformance', by, executions });
  const failed = (by: string, error: unknown): Trial =>
    trialOf(frame, { found: true, by, sentence: firstLine(error), executions, ownExecutions: 1 });
  for (const subject of virtualSubjects) {
    at(`${subject.name}: ${conformanceCases[0]?.title ?? ''}`);
    for await (const { outcome, title, error } of runConformance(subject)) {
      if (outcome !== 'skipped') executions += 1;
      if (outcome === 'failed') return failed(`${subject.name}: ${title}`, error);
      at(`${subject.name}: after ${title}`);
    }
  }
  for (const { name, cases } of LISTS) {
    for (const { title, prove } of cases) {
      const by = `${name}: ${title}`;
      at(by);
      executions += 1;
      try {
        await prove();
      } catch (error) {
        return failed(by, error);
      }
    }
  }
  return trialOf(frame, { executions });
}

tuneEngine();
say({ type: 'loaded' });
const task = JSON.parse(process.argv[2] ?? '') as TrialTask;
// What a scenario loads later is to be counted as loaded, not as executed. A scenario that needs a module which fails to load reports it.
await Promise.allSettled([import('../../src/cluster/index.ts'), import('../../src/kit/index.ts')]);
const counting = globalThis as Counting;
const runsAtLoad = counting.reachedMutant !== undefined;
counting.reachedMutant = 0;
if (task.isCounted && !runsAtLoad) reached = () => counting.reachedMutant;
for (const way of task.ways) {
  say({ type: 'done', trial: way === 'conformance' ? await proveAll() : await exploreSet(way, task) });
}
process.exit();
