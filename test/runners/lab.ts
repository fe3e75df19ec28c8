// A workbench for invocations: every collaborator can be replaced, and what they were asked for is kept.
import { createSimExecer } from '../../src/execers/sim-execer.ts';
import type { SimExecer } from '../../src/execers/sim-execer.ts';
import { createVirtualFiler } from '../../src/filers/fake-filer.ts';
import { createMemoryMetrics } from '../../src/metrics/memory-metrics.ts';
import type { MemoryMetrics } from '../../src/metrics/memory-metrics.ts';
import type { Cancellable } from '../../src/model/cancellation.ts';
import type { LogUploader, Processor } from '../../src/model/collaborators.ts';
import type { Command } from '../../src/model/command.ts';
import type { Execer, Process } from '../../src/model/execer.ts';
import type { Checkout, Filer } from '../../src/model/filer.ts';
import type { MaybePromise } from '../../src/model/maybe-promise.ts';
import type { Output } from '../../src/model/output.ts';
import type { OutputRefs, RunStatus } from '../../src/model/run-status.ts';
import { withRefs } from '../../src/model/run-status.ts';
import type { RunTypeMap } from '../../src/model/run-type.ts';
import { sleep } from '../../src/kernel/clock.ts';
import { createMemoryOutputs } from '../../src/outputs/memory-output.ts';
import type { MemoryOutputs } from '../../src/outputs/memory-output.ts';
import { Invoker } from '../../src/runners/invocation/invoker.ts';
import type { InvokerOptions } from '../../src/runners/invocation/invoker-parts.ts';
import type { VirtualTempDirs } from '../../src/runners/virtual-temp-dirs.ts';
import { virtualTempDirs } from '../../src/runners/virtual-temp-dirs.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';

/** Everything an invocation can touch. */
export interface Lab {
  readonly sim: Simulation;
  readonly execer: SimExecer;
  readonly outputs: MemoryOutputs;
  readonly metrics: MemoryMetrics;
  readonly tempDirs: VirtualTempDirs;
  /** What collaborators were asked to do, in order: `checkout s1`, `release s1`, … */
  readonly log: string[];
  readonly options: InvokerOptions;
}

/** A lab with sim execer, virtual filer and outputs in memory, each replaceable. */
export function makeLab(
  sim: Simulation,
  replace: (lab: Omit<Lab, 'options'>) => Partial<InvokerOptions> = () => ({}),
): Lab {
  const lab = {
    sim,
    execer: createSimExecer({ clock: sim.world.clock }),
    outputs: createMemoryOutputs(),
    metrics: createMemoryMetrics(),
    tempDirs: virtualTempDirs(),
    log: [],
  };
  const { execer, outputs, metrics, tempDirs } = lab;
  const filers: RunTypeMap = new Map([['scoot', { filer: createVirtualFiler() }]]);
  return { ...lab, options: { execer, outputs, metrics, tempDirs, filers, ...replace(lab) } };
}

/** A run at work in a lab. */
export interface LabRun {
  readonly statuses: RunStatus[];
  /** When each of them came. */
  readonly seenAtMs: number[];
  /** Settles with the terminal status. */
  readonly ended: Promise<RunStatus>;
  abort(): void;
}

/** Invokes a command as run `7`; `onStatus` is called with each status as it comes. */
export function invoke(lab: Lab, command: Command, onStatus?: (status: RunStatus) => void): LabRun {
  const statuses: RunStatus[] = [];
  const seenAtMs: number[] = [];
  let abort = (): void => undefined;
  let refs: OutputRefs = { stdoutRef: '', stderrRef: '' };
  // Queue and store would report these to the tracer, and the oracles rely on it.
  const { clock, tracer } = lab.sim.world;
  tracer.record({ at: clock.now(), type: 'accepted', runner: 'runner', runId: '7', command });
  const ended = new Promise<RunStatus>((resolve, reject) => {
    const performance = new Invoker(lab.sim.world, lab.options).perform(command, '7', (status) => {
      statuses.push(status);
      seenAtMs.push(clock.now());
      try {
        onStatus?.(status);
      } catch (error) {
        reject(error);
      }
      const stored = withRefs(status, status.stdoutRef || refs.stdoutRef, status.stderrRef || refs.stderrRef);
      tracer.record({ at: clock.now(), type: 'status', runner: 'runner', status: stored });
      refs = stored;
      if (status.state !== 'RUNNING') resolve(status);
    });
    abort = () => {
      tracer.record({ at: clock.now(), type: 'abort', runner: 'runner', runId: '7' });
      performance.abort();
    };
  });
  return { statuses, seenAtMs, ended, abort: () => abort() };
}

/** The texts of the three logs of run `7`, without the headers' lines. */
export function logTexts({ outputs }: Lab): Record<'stdout' | 'stderr' | 'stdlog', string> {
  const text = (name: string): string =>
    outputs
      .all()
      .find(({ uri }) => uri.includes(`7-${name}-`))
      ?.text() ?? '';
  return { stdout: text('stdout'), stderr: text('stderr'), stdlog: text('stdlog') };
}

/** What comes after the header. */
export function afterHeader(text: string): string {
  const end = 'SCOOT_CMD_LOG\n';
  return text.slice(text.lastIndexOf(end) + end.length);
}

/** How a made-up collaborator behaves: how long it takes, whether it minds a cancel, and whether it fails. */
export interface Behaviour {
  readonly ms?: number;
  /** How long after a cancel it returns; Infinity: it does not care. Default 0. */
  readonly cancelMs?: number;
  readonly error?: Error;
}

/** Takes its time, and ends early if it is cancelled and honours that. Rejects when cancelled or set to. */
export async function behave(
  sim: Simulation,
  what: string,
  { ms = 0, cancelMs = 0, error }: Behaviour,
  cancel?: Cancellable,
): Promise<void> {
  const { clock } = sim.world;
  await new Promise<void>((resolve, reject) => {
    let over = false;
    const end = (failure: Error | undefined): void => {
      over = true;
      if (failure === undefined) resolve();
      else reject(failure);
    };
    const timer = ms === Infinity ? undefined : clock.timer(`${what} done`, ms, () => end(error));
    if (cancelMs === Infinity || cancel === undefined) return;
    cancel.signal.addEventListener('abort', () => {
      if (over) return;
      timer?.cancel();
      clock.timer(`${what} cancelled`, cancelMs, () => end(new Error(`${what} cancelled`)));
    });
  });
}

/** A filer whose checkouts behave as given; it logs `checkout ID` and `release ID`. */
export function labFiler(
  { sim, log }: Pick<Lab, 'sim' | 'log'>,
  behaviour: Behaviour & { readonly boundMs?: number } = {},
): Filer {
  const checkout = async (id: string, cancel?: Cancellable): Promise<Checkout> => {
    log.push(`checkout ${id}`);
    cancel?.signal.addEventListener('abort', () => log.push(`cancel ${id}`));
    await behave(sim, `checkout ${id}`, behaviour, cancel);
    return { id, path: `/snapshots/${id}`, release: () => void log.push(`release ${id}`) };
  };
  return {
    ...createVirtualFiler(),
    cancelBoundMs: behaviour.boundMs ?? 100,
    checkout,
    checkoutAt: (id, _dir, cancel) => checkout(id, cancel),
    ingest: () => '0',
    ingestMap: () => '0',
    update: () => undefined,
    updateIntervalMs: 0,
  };
}

/** A map with that filer alone. */
export function filersOf(filer: Filer): RunTypeMap {
  return new Map([['scoot', { filer }]]);
}

/** An uploader that logs `upload PATH` and answers `https://logs/PATH`. */
export function labUploader(
  { sim, log }: Pick<Lab, 'sim' | 'log'>,
  behaviour: Behaviour & Partial<LogUploader> = {},
): LogUploader {
  const upload = async (name: string, _log: Output, cancel: Cancellable): Promise<string> => {
    log.push(`upload ${name.slice(name.lastIndexOf('/') + 1)}`);
    await behave(sim, `upload ${name}`, behaviour, cancel);
    return `https://logs/${name}`;
  };
  const { cancelBoundMs = 100, uploadBoundMs } = behaviour;
  return { cancelBoundMs, upload, ...(uploadBoundMs === undefined ? {} : { uploadBoundMs }) };
}

/** A pre- or postprocessor that logs its name. */
export function labProcessor(
  { sim, log }: Pick<Lab, 'sim' | 'log'>,
  name: string,
  behaviour: Behaviour = {},
): Processor {
  return {
    name,
    cancelBoundMs: 100,
    process: (_command, cancel) => {
      log.push(name);
      return behave(sim, name, behaviour, cancel);
    },
  };
}

/** An execer around another one that changes how processes start. */
export function slowExecer(
  execer: Execer,
  start: (begin: () => MaybePromise<Process>) => MaybePromise<Process>,
): Execer {
  return { cancelBoundMs: execer.cancelBoundMs, exec: (command) => start(() => execer.exec(command)) };
}

/** Lets time pass on the lab's clock. */
export function pass({ sim }: Pick<Lab, 'sim'>, ms: number): Promise<void> {
  return sleep(sim.world.clock, ms, 'test');
}
