// A stage on which real runners are recorded: real processes, files and time, with collaborators that can be held, failed and cancelled.
import { sleep } from '../../src/kernel/clock.ts';
import { createMemoryFiler } from '../../src/filers/memory-filer.ts';
import { createExecRunner, type ExecRunner, type ExecRunnerOptions } from '../../src/host/exec-runner.ts';
import { createLocalOutputs } from '../../src/host/outputs/local-output.ts';
import { realWorld } from '../../src/host/real-world.ts';
import { createTempDirs } from '../../src/host/filers/temp-dirs.ts';
import type { Cancellable } from '../../src/model/cancellation.ts';
import type { Checkout, Filer } from '../../src/model/filer.ts';
import type { Output } from '../../src/model/output.ts';
import type { Recording } from '../../src/model/recording.ts';
import type { Service } from '../../src/model/service.ts';
import { statusAll } from '../../src/model/status-lookup.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import type { World } from '../../src/model/world.ts';
import { createRecorder, type Recorder } from '../../src/runners/recording/recorder.ts';

/** Something that is held until it is let go. */
export class Gate {
  open: () => void = () => undefined;
  fail: (error: unknown) => void = () => undefined;
  readonly passed: Promise<void> = new Promise((resolve, reject) => {
    this.open = resolve;
    this.fail = reject;
  });

  constructor() {
    this.passed.catch(() => undefined);
  }
}

/** How a held piece of work behaves: it ends with the gate, or with an error once it is cancelled, unless it is deaf. */
export async function heldBy(gate: Gate, cancel?: Cancellable, isDeaf = false): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    gate.passed.then(resolve, reject);
    if (!isDeaf) cancel?.signal.addEventListener('abort', () => reject(new Error('cancelled')));
  });
}

interface Watch {
  readonly matches: (event: TraceEvent) => boolean;
  readonly found: () => void;
}

/** A recorded world with its runners. */
export class Stage {
  readonly world: World;
  readonly recorder: Recorder;
  readonly #runners: ExecRunner[] = [];
  readonly #watches = new Set<Watch>();

  constructor(options: { readonly outputBytesMax?: number } = {}) {
    this.world = { ...realWorld(), tracer: { record: (event) => this.#see(event) } };
    this.recorder = createRecorder(this.world, options);
  }

  /** A recorded exec runner; the defaults are quick. */
  runner(options: ExecRunnerOptions = {}): ExecRunner {
    const { world, recorder } = this;
    const runner = createExecRunner({
      capacity: 20,
      graceMs: 300,
      drainGraceMs: 100,
      ...options,
      world,
      recorder,
    });
    this.#runners.push(runner);
    return runner;
  }

  /** Calls `found` in the middle of the runner's work, once an event matches. */
  on(matches: (event: TraceEvent) => boolean, found: () => void): void {
    this.#watches.add({ matches, found });
  }

  /** Resolves once a run has entered a phase. */
  phase(phase: string): Promise<void> {
    return new Promise((resolve) => {
      this.on((event) => event.type === 'phase' && event.phase === phase, resolve);
    });
  }

  /** Lets real time pass. */
  pause(ms: number): Promise<void> {
    return sleep(this.world.clock, ms, 'pause of the test');
  }

  recording(): Recording {
    return this.recorder.recording();
  }

  /** Gives everything back. */
  async strike(): Promise<void> {
    for (const runner of this.#runners) {
      await runner.release();
      await runner.outputs.dispose();
    }
  }

  #see(event: TraceEvent): void {
    for (const watch of this.#watches) {
      if (!watch.matches(event)) continue;
      this.#watches.delete(watch);
      watch.found();
    }
  }
}

/** A filer whose checkouts do what `checkout` says. */
export function filerOf(
  checkout: (id: string, cancel?: Cancellable) => Promise<unknown> | void,
  more: Partial<Filer> = {},
): Filer {
  return Object.assign(createMemoryFiler(), {
    cancelBoundMs: 5_000,
    checkout: async (id: string, cancel?: Cancellable): Promise<Checkout> => {
      await checkout(id, cancel);
      return { id, path: '/', release: () => undefined };
    },
    ...more,
  });
}

/** Options with that filer. */
export function withFiler(filer: Filer, init?: PromiseLike<void>): ExecRunnerOptions {
  return { filers: new Map([['scoot', init === undefined ? { filer } : { filer, init }]]) };
}

/** Real outputs whose creation, or what is done to them, goes through `around`. */
export function outputsAround(around: {
  readonly create?: (id: string) => Promise<void> | void;
  readonly output?: (output: Output) => Partial<Output>;
}): ExecRunnerOptions {
  const outputs = createLocalOutputs();
  const create = outputs.create.bind(outputs);
  return {
    outputs: Object.assign(outputs, {
      create: async (id: string) => {
        await around.create?.(id);
        const output = await create(id);
        const more = around.output?.(output) ?? {};
        return {
          uri: output.uri,
          write: output.write.bind(output),
          close: output.close.bind(output),
          asFile: output.asFile.bind(output),
          ...more,
        };
      },
    }),
  };
}

/** Real temporary directories that fail where planned. */
export function failingTempDirs(where: 'create' | 'release', error: Error): ExecRunnerOptions {
  const dirs = createTempDirs();
  return {
    tempDirs: {
      boundMs: dirs.boundMs,
      create: async (name) => {
        if (where === 'create') throw error;
        const dir = await dirs.create(name);
        return {
          path: dir.path,
          id: dir.id,
          release: async () => {
            await dir.release();
            throw error;
          },
        };
      },
    },
  };
}

/** How the runs of a runner stand, in order: `COMPLETE 3`. */
export async function ends(service: Service): Promise<string[]> {
  const { statuses } = await statusAll(service);
  return statuses.map(({ state, exitCode }) => (exitCode === 0 ? state : `${state} ${exitCode}`));
}
