/**
 * Checks whether a subject has a capability that it claims, only after a case that needs it has failed: the error then
 * names the missing capability instead of its consequences. Invariant: a probe checks that the capability exists at
 * all, never that it works correctly.
 */
import { messageOf } from '../kernel/errors.ts';
import { createMemoryMetrics } from '../metrics/memory-metrics.ts';
import { METRIC_NAMES } from '../model/metrics.ts';
import { waitForever } from '../model/query.ts';
import { DONE_MASK } from '../model/state-mask.ts';
import { bazelRunner, WANTED } from './bazel-runner.ts';
import type { Capability } from './capability.ts';
import type { CaseContext } from './case-context.ts';
import { type CommandVocabulary, WORDS_OF } from './command-vocabulary.ts';
import type { ConformanceSubject } from './subject.ts';

/** Runs the body of a probe like that of a case; rejects with the error that the body threw. */
export type RunProbe = (body: (t: CaseContext) => Promise<void>) => Promise<void>;

/** Shows whether a capability exists. */
interface Probe {
  /** What is missing, as a text that follows "but"; undefined if nothing is. */
  readonly missing?: (t: CaseContext) => Promise<string | undefined>;
}

const PROBES: Readonly<Record<Capability, Probe>> = {
  capacity: {
    async missing(t) {
      const runner = await t.runner({ capacity: 2 });
      await t.start(runner, t.commands.hang());
      const second = await refusal(t.start(runner, t.commands.hang()));
      return (
        second && `a runner of capacity 2 refused a second run (${second}): is \`options.capacity\` used?`
      );
    },
  },
  history: {
    async missing(t) {
      const runner = await t.runner({ capacity: 2, history: 0 });
      for (let run = 0; run < 3; run += 1) await t.outcome(runner, t.commands.exit(0));
      const { length } = (await runner.statusAll()).statuses;
      return length === 3
        ? undefined
        : `a runner without bound remembers ${length} of 3 runs: is \`options.history\` used?`;
    },
  },
  idPrefix: {
    async missing(t) {
      const runner = await t.runner({ idPrefix: 'probe-' });
      const runId = await t.start(runner, t.commands.hang());
      return runId.startsWith('probe-')
        ? undefined
        : `the first id is ${runId}: is \`options.idPrefix\` used?`;
    },
  },
  exactStates: {},
  virtualTime: {},
  timeouts: {
    async missing(t) {
      const runner = await t.runner();
      const runId = await t.start(runner, { ...t.commands.hang(), timeoutMs: t.ms(1) });
      const { statuses } = await runner.query({ runs: [runId], states: DONE_MASK }, { timeoutMs: t.ms(400) });
      return statuses.length > 0 ? undefined : `a run outlives its timeout 400 times: is \`timeoutMs\` used?`;
    },
  },
  unstartable: {
    missing: (t) => endDiffers(t, t.commands.unstartable(), 'unstartable', 'FAILED'),
  },
  failures: { missing: (t) => endDiffers(t, t.commands.lost(17, 'lost'), 'lost', 'FAILED') },
  signals: {
    missing: (t) => endDiffers(t, t.commands.killedBy('SIGTERM'), 'killedBy', 'COMPLETE'),
  },
  stubborn: {},
  outputs: {
    async missing(t) {
      const runner = await t.runner();
      if (!t.canRead) return 'create() returned no `readOutput`';
      const { stdoutRef } = await t.outcome(runner, t.commands.write('probe\n', ''));
      if (stdoutRef === '') return 'a run that has written has no `stdoutRef`';
      const text = await t.read(stdoutRef);
      return text === '' ? `readOutput(${JSON.stringify(stdoutRef)}) gave no text` : undefined;
    },
  },
  filers: {
    async missing(t) {
      const filer = t.filer({ plan: { checkout: [{ fail: { text: 'probe', exitCode: 217 } }] } });
      const runner = await t.runner({ filers: new Map([['scoot', { filer }]]) });
      const { state } = await t.outcome(runner, { ...t.commands.exit(0), snapshotId: 'probe' });
      return state === 'FAILED'
        ? undefined
        : `a run whose checkout fails is ${state}: is \`options.filers\` used?`;
    },
  },
  collaborators: { missing: missingCollaborators },
  actions: { missing: missingActions },
};

async function missingActions(t: CaseContext): Promise<string | undefined> {
  const asked: string[] = [];
  const runner = await bazelRunner(t, t.commands.exit(0), {
    replace: {
      cachedOutcome: () => {
        asked.push('cachedOutcome');
        return undefined;
      },
    },
  });
  await t.outcome(runner, WANTED);
  return asked.length > 0 ? undefined : 'a Bazel run asks for no action: is `options.actions` used?';
}

const lacks = new WeakMap<ConformanceSubject, Map<Capability, Promise<string | undefined>>>();

/** The first of these capabilities that the subject claims and lacks, as a sentence; undefined if it has them all. */
export async function lackOf(
  subject: ConformanceSubject,
  needs: readonly Capability[],
  run: RunProbe,
): Promise<string | undefined> {
  const known = lacks.get(subject) ?? new Map<Capability, Promise<string | undefined>>();
  lacks.set(subject, known);
  for (const capability of needs) {
    const looked = known.get(capability) ?? lookFor(subject, capability, run);
    known.set(capability, looked);
    const missing = await looked;
    if (missing !== undefined) {
      return `${capability}: the subject claims to support \`${capability}\`, but ${missing}`;
    }
  }
  return undefined;
}

async function lookFor(
  subject: ConformanceSubject,
  capability: Capability,
  run: RunProbe,
): Promise<string | undefined> {
  const { missing } = PROBES[capability];
  const unsaid = WORDS_OF[capability]?.find((word) => typeof subject.commands[word] !== 'function');
  if (unsaid !== undefined) return `its vocabulary has no ${unsaid}()`;
  if (capability === 'virtualTime' && subject.wallWorld !== undefined) return 'it has a `wallWorld`';
  if (missing === undefined) return undefined;
  let lack: string | undefined;
  try {
    await run(async (t) => {
      lack = await missing(t);
    });
  } catch {
    // Any other failure does not show that the capability is missing: the case that failed describes the problem.
  }
  return lack;
}

/** The message of the refusal; undefined if it was not refused. */
async function refusal(offered: Promise<unknown>): Promise<string | undefined> {
  try {
    await offered;
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

async function endDiffers(
  t: CaseContext,
  command: Parameters<CaseContext['outcome']>[1],
  word: keyof CommandVocabulary,
  expected: string,
): Promise<string | undefined> {
  const { state, exitCode } = await t.outcome(await t.runner(), command);
  return state === expected ? undefined : `a command of ${word}() ends as ${state} ${exitCode}`;
}

async function missingCollaborators(t: CaseContext): Promise<string | undefined> {
  const called = new Set<string>();
  const processor = (name: string): { name: string; cancelBoundMs: number; process: () => void } => ({
    name,
    cancelBoundMs: 0,
    process: () => void called.add(name),
  });
  const metrics = createMemoryMetrics();
  const runner = await t.runner({
    preprocessors: [processor('preprocessors')],
    postprocessors: [processor('postprocessors')],
    uploader: {
      cancelBoundMs: 0,
      upload: (name) => {
        called.add('uploader');
        return Promise.resolve(`probe/${name}`);
      },
    },
    metrics,
  });
  const runId = await t.start(runner, t.commands.exit(0));
  await runner.query({ runs: [runId], states: DONE_MASK }, waitForever());
  if (metrics.value(METRIC_NAMES.IDLE_LATENCY_MS) > 0) called.add('metrics');
  const unused = ['preprocessors', 'postprocessors', 'uploader', 'metrics'].filter(
    (name) => !called.has(name),
  );
  return unused.length === 0
    ? undefined
    : `nobody used ${unused.map((name) => `\`options.${name}\``).join(', ')}`;
}
