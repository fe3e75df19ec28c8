// A queue runner of one's own, as small as it can be: a store, an invoker, a list. With its guard it runs one command at a time;
// without, it starts a run beside the active one if the run is offered later, and only then, because a start that is posted is
// posted once. Either it records no trace, so that no oracle sees inside, or its store does, which knows of no request to stop.
import type { Timer } from '../../src/kernel/clock.ts';
import { invalidArgument } from '../../src/kernel/errors.ts';
import { createSimExecer } from '../../src/execers/sim-execer.ts';
import { createVirtualFiler } from '../../src/filers/fake-filer.ts';
import { checkCommand, copyCommand, tagsOf, type Command } from '../../src/model/command.ts';
import { isTerminal } from '../../src/model/run-state.ts';
import { abortStatus, type RunID, type RunStatus } from '../../src/model/run-status.ts';
import { RunRejectedError } from '../../src/model/run-rejected-error.ts';
import type { Service } from '../../src/model/service.ts';
import { HEALTHY_SERVICE_STATUS } from '../../src/model/service-status.ts';
import { finalStatus } from '../../src/model/status-lookup.ts';
import type { World } from '../../src/model/world.ts';
import { createMemoryOutputs } from '../../src/outputs/memory-output.ts';
import { createInvoker, type Invoker } from '../../src/runners/invocation/invoker.ts';
import type { Performance } from '../../src/runners/queue/performer.ts';
import { virtualTempDirs } from '../../src/runners/virtual-temp-dirs.ts';
import { createStatusStore, type StatusStore } from '../../src/store/status-store.ts';

const RELEASED = new RunRejectedError('RUNNER_RELEASED', 'The runner was released.');

export interface SmallQueueOptions {
  readonly capacity?: number;
  readonly history?: number;
  readonly isGuarded: boolean;
  /** Its store and its invoker get the tracer of the world. Default: nothing of it is in the trace. */
  readonly isTraced?: boolean;
}

export function createSmallQueue(
  { clock, choices, random, tracer }: World,
  options: SmallQueueOptions,
): Service {
  const { isTraced = false } = options;
  const traced = isTraced && tracer !== undefined ? { tracer } : {};
  return new SmallQueue({ clock, choices, random, ...traced }, options);
}

class SmallQueue implements Service {
  readonly #world: World;
  readonly #store: StatusStore;
  readonly #invoker: Invoker;
  readonly #capacity: number;
  readonly #isGuarded: boolean;
  readonly #queue: { readonly runId: RunID; readonly command: Command }[] = [];
  readonly #active = new Map<RunID, Performance>();
  #start: Timer | undefined;
  #released: Promise<unknown> | undefined;

  constructor(world: World, { capacity = 1, history = capacity <= 1 ? 1 : 0, isGuarded }: SmallQueueOptions) {
    if (!(Number.isInteger(capacity) && capacity >= 0)) {
      throw invalidArgument('capacity', 'an integer', capacity);
    }
    this.#world = world;
    this.#capacity = Math.max(1, capacity);
    this.#isGuarded = isGuarded;
    this.#store = createStatusStore({
      clock: world.clock,
      name: 'small',
      capacity: history,
      tracer: world.tracer,
    });
    this.#store.updateService(HEALTHY_SERVICE_STATUS);
    this.#invoker = createInvoker(world, {
      name: 'small',
      execer: createSimExecer({ clock: world.clock }),
      filers: new Map([['scoot', { filer: createVirtualFiler() }]]),
      outputs: createMemoryOutputs(),
      tempDirs: virtualTempDirs(),
    });
  }

  run(command: Command): Promise<RunStatus> {
    // Everything in the synchronous call.
    return new Promise((resolve) => {
      resolve(this.#accept(command));
    });
  }

  #accept(offered: Command): RunStatus {
    checkCommand(offered);
    if (this.#released !== undefined) throw RELEASED;
    if (this.#queue.length + this.#active.size >= this.#capacity) {
      throw new RunRejectedError('RUNNER_BUSY', 'No resources available. Please try later.');
    }
    const command = copyCommand(offered);
    const status = this.#store.newRun(tagsOf(command));
    this.#queue.push({ runId: status.runId, command });
    this.#proceed();
    return status;
  }

  async abort(runId: RunID): Promise<RunStatus> {
    if (this.#released !== undefined) throw RELEASED;
    const status = this.#store.currentStatus(runId);
    if (isTerminal(status.state)) return status;
    this.#stop(runId);
    return (await finalStatus(this.#store, runId)).status;
  }

  async release(): Promise<void> {
    this.#released ??= this.#shutDown();
    await this.#released;
  }

  query(...asked: Parameters<Service['query']>): ReturnType<Service['query']> {
    return this.#store.query(...asked);
  }

  queryNow(...asked: Parameters<Service['queryNow']>): ReturnType<Service['queryNow']> {
    return this.#store.queryNow(...asked);
  }

  status(runId: RunID): ReturnType<Service['status']> {
    return this.#store.status(runId);
  }

  statusAll(): ReturnType<Service['statusAll']> {
    return this.#store.statusAll();
  }

  #proceed(): void {
    if (this.#start !== undefined || this.#queue.length === 0) return;
    if (this.#isGuarded && this.#active.size > 0) return;
    this.#start = this.#world.clock.post('start', () => this.#startHead());
  }

  #startHead(): void {
    this.#start = undefined;
    const head = this.#queue.shift();
    if (head === undefined) return;
    const { runId, command } = head;
    const performance = this.#invoker.perform(command, runId, (status) => {
      if (isTerminal(status.state)) this.#active.delete(runId);
      this.#store.update(status);
      if (isTerminal(status.state)) this.#proceed();
    });
    const { state } = this.#store.currentStatus(runId);
    if (!isTerminal(state)) this.#active.set(runId, performance);
  }

  async #shutDown(): Promise<void> {
    const { statuses } = await this.#store.statusAll();
    const open = statuses.filter(({ state }) => !isTerminal(state));
    const ends = open.map(({ runId }) => finalStatus(this.#store, runId));
    for (const { runId } of [...open].reverse()) this.#stop(runId);
    await Promise.all(ends);
    this.#store.close(RELEASED);
  }

  #stop(runId: RunID): void {
    const index = this.#queue.findIndex((queued) => queued.runId === runId);
    const [queued] = index === -1 ? [] : this.#queue.splice(index, 1);
    if (queued === undefined) this.#active.get(runId)?.abort();
    else this.#store.update(abortStatus(runId, tagsOf(queued.command)));
    if (this.#queue.length > 0) return;
    this.#start?.cancel();
    this.#start = undefined;
  }
}
