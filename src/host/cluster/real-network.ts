/**
 * The nodes of a cluster for real: the same programs, each in a thread of its own, on the machine's time, with a folder
 * as its disk. Invariants: a message sent to one process never reaches another; a call whose node dies rejects, as it
 * does in a simulation; `stop` leaves nothing behind.
 */
import * as is from '../../kernel/shape.ts';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { receivedWithin } from '../../cluster/copy.ts';
import {
  CALL_TIMEOUT_MS,
  Endpoint,
  leftText,
  networkStopped,
  NODE_NAME,
  SCENARIO,
} from '../../cluster/endpoint.ts';
import { ANY_INCARNATION, Envelope, failedAnswer } from '../../cluster/envelope.ts';
import { createStub } from '../../cluster/stub.ts';
import { check } from '../../kernel/argument-check.ts';
import { invalidArgument, RunnerError } from '../../kernel/errors.ts';
import { codeModule } from '../../kernel/package-files.ts';
import { SEED } from '../../kernel/seeded-random.ts';
import type { CallOptions, Stub } from '../../model/node-context.ts';
import { guardCallback } from '../guard-callback.ts';
import { createSystemClock } from '../system-clock.ts';
import { makeTempFolder, type TempFolder } from '../temp-folder.ts';
import { threadEntry } from '../thread-entry.ts';
import { isTypeScript } from '../typescript-loader.ts';
import type { FromNode, NodeThreadInput, ToNode } from './thread-protocol.ts';

/** A program, named by its module and export, because each thread has to load it itself. */
export interface ProgramReference {
  /** URL of its module: `new URL('./locks.ts', import.meta.url)`. TypeScript needs `tsx`. */
  readonly module: string | URL;
  /** The name by which the module exports it. */
  readonly export: string;
}

/** Options of {@link realNetwork}. */
export interface RealNetworkOptions {
  /**
   * The parent of the nodes' disks: a folder for each node, named after it, which outlives the network. Default: a
   * temporary folder, which `stop` removes, or else the exit of the Node process, including by Ctrl-C, SIGTERM or
   * SIGHUP if nothing else handles that signal.
   */
  readonly folder?: string;
  /**
   * How long a call waits for its reply unless the call sets its own timeout; `Infinity` for no timeout. Default
   * 10,000.
   */
  readonly callTimeoutMs?: number;
  /** How long a leaving node may take to finish its `onStop` hooks; `Infinity` for no limit. Default 10,000. */
  readonly leaveTimeoutMs?: number;
  /** Makes the random streams of nodes reproducible, and nothing else. Default: real entropy. */
  readonly seed?: string | number;
  /** Receives the texts that programs pass to `note`. Default: they are discarded. */
  readonly onNote?: (node: string, text: string) => void;
}

/**
 * A node, and what can be done to it. Once it has left, or the network has stopped, `crash` and `restart` reject with
 * `RUNNER_RELEASED`.
 */
export interface RealNode {
  readonly name: string;
  readonly state: 'up' | 'down' | 'left';
  /** Index of the latest process. */
  readonly incarnation: number;
  /** Ends its thread at once, whatever it is doing; resolves when it is gone. */
  crash(): Promise<void>;
  /**
   * Starts a new process in a new thread; crashes the old one first if it is alive. Concurrent restarts run one after
   * another. Rejects with what the program throws, with `RUNNER_NODE_DOWN` if the new process is crashed before it is
   * ready, and with `RUNNER_RELEASED` once the node is leaving.
   */
  restart(): Promise<void>;
  /**
   * Shuts the node down gracefully, for good: calls the `onStop` hooks of its program and resolves when they are done
   * and the thread has ended. A crash meanwhile ends it without the remaining hooks. Rejects with `RUNNER_TIMED_OUT` if
   * the hooks take longer than `leaveTimeoutMs`, for instance because the thread is in an endless loop; the thread has
   * been ended then as well.
   */
  leave(): Promise<void>;
}

const PROGRAM = is.objectOf<ProgramReference>(
  'an object with module and export',
  { module: is.satisfying('a URL', (value) => URL.canParse(String(value))), export: is.TEXT },
  {},
);
const OPTIONS = is.optionsOf<RealNetworkOptions>(
  {},
  {
    folder: is.text('the path of a folder', /./),
    callTimeoutMs: is.limit(),
    leaveTimeoutMs: is.limit(),
    seed: SEED,
    onNote: is.FUNCTION,
  },
);
const LEAVE_TIMEOUT_MS = 10_000;
/** More calls and messages than a process sends. */
const IDS_PER_PROCESS = 2 ** 32;

/** What a node needs of its network. */
interface RealCore {
  readonly callTimeoutMs: number;
  readonly leaveTimeoutMs: number;
  readonly seed: string;
  folderOf(name: string): string;
  /** The number that the ids of the next process begin after. */
  nextIds(): number;
  route(envelope: Envelope): void;
  note(node: string, text: string): void;
  /** Records an error that a program threw where nothing awaits it. */
  noteError(error: unknown): void;
}

/** One thread, from its start to its end. */
class ThreadProcess {
  readonly incarnation: number;
  readonly #name: string;
  readonly #worker: Worker;
  readonly #onEnd: (error: unknown) => void;
  /** Calls that were delivered to it and that it has not answered yet, by id. */
  readonly serving = new Map<number, Envelope>();
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  #error: unknown;
  /** Why it is being ended from outside. */
  #reason: RunnerError | undefined;
  #isReady = false;
  #settleReady: readonly [resolve: () => void, reject: (error: Error) => void] | undefined;

  constructor(input: NodeThreadInput, core: RealCore, onEnd: (error: unknown) => void) {
    this.#name = input.name;
    this.incarnation = input.incarnation;
    this.#onEnd = onEnd;
    const entry = threadEntry(
      codeModule('host/cluster/node-thread'),
      isTypeScript(new URL(input.module).pathname),
    );
    this.#worker = new Worker(entry, { workerData: input });
    this.ready = new Promise((resolve, reject) => {
      this.#settleReady = [resolve, reject];
    });
    this.ended = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        this.#exited();
        resolve();
      });
    });
    this.#worker.on('message', (message: FromNode) => this.#take(message, core));
    this.#worker.on('error', (error) => {
      // Without what cannot be cloned; what the thread has reported itself, if it could, says more.
      this.#error ??= error;
    });
  }

  deliver(envelope: Envelope): void {
    if (envelope.kind === 'call') this.serving.set(envelope.id, envelope);
    this.#post({ type: 'envelope', envelope: envelope.data() });
  }

  /** @param reason What its start rejects with if it is not ready yet. */
  async terminate(reason?: RunnerError): Promise<void> {
    this.#reason ??= reason;
    await this.#worker.terminate();
    await this.ended;
  }

  /** @throws RunnerError (rejects) `RUNNER_TIMED_OUT` if its thread had to be terminated. */
  async leave(timeoutMs: number): Promise<void> {
    this.#post({ type: 'leave' });
    const late = { isLate: false };
    const end = (): void => {
      late.isLate = true;
      void this.terminate();
    };
    const timer =
      timeoutMs < Infinity ? createSystemClock().timer(`${this.#name} leaves`, timeoutMs, end) : undefined;
    await this.ended;
    timer?.cancel();
    if (late.isLate) {
      const why = `${this.#name} had not left within ${timeoutMs} ms, and its thread was ended`;
      throw new RunnerError('RUNNER_TIMED_OUT', why);
    }
  }

  #take(message: FromNode, core: RealCore): void {
    switch (message.type) {
      case 'ready':
        this.#isReady = true;
        this.#settleReady?.[0]();
        return;
      case 'envelope': {
        const envelope = Envelope.of(message.envelope);
        const { kind, id } = envelope;
        if (kind === 'reply' || kind === 'error') this.serving.delete(id);
        core.route(envelope);
        return;
      }
      case 'note':
        core.note(this.#name, message.text);
        return;
      case 'failed':
        this.#error = receivedWithin(message.failure);
        return;
      case 'left':
        return;
    }
  }

  #exited(): void {
    if (this.#isReady) {
      this.#onEnd(this.#error);
      return;
    }
    const error =
      this.#error ??
      this.#reason ??
      new RunnerError('RUNNER_NODE_DOWN', `${this.#name} went down before it was ready`);
    this.#settleReady?.[1](error as Error);
    this.#onEnd(undefined);
  }

  #post(message: ToNode): void {
    this.#worker.postMessage(message);
  }
}

/** Invariants: at most one process is alive; none starts once the node is leaving or the network has stopped. */
class ThreadNode implements RealNode {
  readonly name: string;
  readonly #core: RealCore;
  readonly #program: ProgramReference;
  #process: ThreadProcess | undefined;
  /** Settles when the last start or restart has. */
  #starts: Promise<unknown> = Promise.resolve();
  #leaving: Promise<void> | undefined;
  #hasLeft = false;
  incarnation = -1;

  constructor(core: RealCore, name: string, program: ProgramReference) {
    this.name = name;
    this.#core = core;
    this.#program = program;
  }

  get state(): 'up' | 'down' | 'left' {
    if (this.#hasLeft) return 'left';
    return this.#process === undefined ? 'down' : 'up';
  }

  start(): Promise<void> {
    return this.#note(this.#start());
  }

  async crash(): Promise<void> {
    this.#mustBeThere('crash');
    await this.#process?.terminate();
  }

  async restart(): Promise<void> {
    this.#mustBeThere('restart', this.#leaving !== undefined);
    const crashed = this.crash();
    await this.#note(
      this.#starts.then(async () => {
        await crashed;
        // The process of an earlier restart.
        await this.#process?.terminate();
        this.#mustBeThere('restart', this.#leaving !== undefined);
        await this.#start();
      }),
    );
  }

  leave(): Promise<void> {
    this.#leaving ??= this.#leave();
    return this.#leaving;
  }

  /** Called when the network stops. */
  async end(): Promise<void> {
    this.#hasLeft = true;
    await this.#process?.terminate(networkStopped());
    await this.#starts;
  }

  #note(start: Promise<void>): Promise<void> {
    const settled = (): void => undefined;
    this.#starts = start.then(settled, settled);
    return start;
  }

  async #leave(): Promise<void> {
    try {
      await this.#process?.leave(this.#core.leaveTimeoutMs);
    } finally {
      // A start that was under way has been refused by now.
      await this.#starts;
      this.#hasLeft = true;
    }
  }

  #mustBeThere(verb: string, isLeaving = false): void {
    if (!this.#hasLeft && !isLeaving) return;
    throw new RunnerError('RUNNER_RELEASED', leftText(this.name, this.#hasLeft, verb));
  }

  async #start(): Promise<void> {
    this.incarnation += 1;
    const { incarnation, name } = this;
    const core = this.#core;
    const { module, export: exported } = this.#program;
    const input = {
      name,
      incarnation,
      module: String(module),
      export: exported,
      folder: core.folderOf(name),
      seed: `${core.seed}/${name}/${incarnation}`,
      callTimeoutMs: core.callTimeoutMs,
      idsAfter: core.nextIds(),
    };
    const started = new ThreadProcess(input, core, (error) => this.#ended(started, error));
    this.#process = started;
    await started.ready;
  }

  arrive(envelope: Envelope): void {
    const { toIncarnation, kind } = envelope;
    const receiver = this.#process;
    const isThere = toIncarnation === ANY_INCARNATION || toIncarnation === receiver?.incarnation;
    if (receiver !== undefined && isThere) receiver.deliver(envelope);
    else if (kind === 'call') {
      const why = `${this.name} ${this.#hasLeft ? 'has left' : 'is down'}`;
      this.#core.route(failedAnswer(envelope, new RunnerError('RUNNER_NODE_DOWN', why)));
    }
  }

  #ended(ended: ThreadProcess, error: unknown): void {
    if (this.#process === ended) this.#process = undefined;
    if (this.#leaving !== undefined) this.#hasLeft = true;
    if (error !== undefined) this.#core.noteError(error);
    for (const call of ended.serving.values()) {
      const lost = new RunnerError(
        'RUNNER_CALL_LOST',
        `${this.name} went down before it answered ${call.name}`,
      );
      this.#core.route(failedAnswer(call, lost));
    }
    ended.serving.clear();
  }
}

/** A network of threads. Made by {@link realNetwork}. */
export class RealNetwork {
  readonly #core: RealCore;
  readonly #options: RealNetworkOptions;
  readonly #nodes = new Map<string, ThreadNode>();
  readonly #endpoint: Endpoint;
  readonly #errors: unknown[] = [];
  #temporary: TempFolder | undefined;
  #ids = 0;
  /** Number of processes that were started. */
  #processes = 0;
  #stopped: Promise<void> | undefined;

  /** @internal */
  constructor(options: RealNetworkOptions) {
    this.#options = options;
    const {
      callTimeoutMs = CALL_TIMEOUT_MS,
      leaveTimeoutMs = LEAVE_TIMEOUT_MS,
      seed = randomBytes(16).toString('hex'),
    } = options;
    this.#core = {
      callTimeoutMs,
      leaveTimeoutMs,
      seed: String(seed),
      folderOf: (name) => this.#folderOf(name),
      nextIds: () => (this.#processes += 1) * IDS_PER_PROCESS,
      route: (envelope) => this.#route(envelope),
      note: (node, text) => guardCallback('onNote of a network', () => options.onNote?.(node, text)),
      noteError: (error) => this.#errors.push(error),
    };
    this.#endpoint = new Endpoint({
      name: SCENARIO,
      incarnation: 0,
      clock: createSystemClock(),
      callTimeoutMs,
      transport: { nextId: () => (this.#ids += 1), post: (envelope) => this.#route(envelope) },
    });
    // Nothing else would ever answer the calls of nodes to the scenario.
    this.#endpoint.serve(undefined);
  }

  /**
   * Makes a node; resolves when its program has returned. If the program throws, there is no node, and its thread has
   * ended.
   *
   * @throws RunnerError (rejects) `RUNNER_INVALID_ARGUMENT` if the name is taken or the program is not found,
   * `RUNNER_RELEASED` after `stop`; also rejects with what the program throws.
   */
  async node(name: string, program: ProgramReference): Promise<RealNode> {
    check('name', name, NODE_NAME);
    check('program', program, PROGRAM);
    if (name === SCENARIO || this.#nodes.has(name)) {
      throw invalidArgument('name', 'one that no other node has', name);
    }
    if (this.#stopped !== undefined) throw networkStopped();
    const node = new ThreadNode(this.#core, name, program);
    this.#nodes.set(name, node);
    try {
      await node.start();
    } catch (error) {
      this.#nodes.delete(name);
      throw error;
    }
    return node;
  }

  /** A stub for the object that node `to` serves; its methods are calls over the network. */
  connect<T extends object>(to: string, options?: CallOptions): Stub<T> {
    return createStub<T>(this.#endpoint, to, options);
  }

  /**
   * Ends all threads at once, whatever they are doing, and removes the temporary folder. Calls made through this
   * network that are still unanswered reject with `RUNNER_CALL_LOST`, later ones with `RUNNER_RELEASED`. Rejects if
   * programs threw errors that nothing awaited, with those errors.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  #folderOf(name: string): string {
    const { folder } = this.#options;
    if (folder !== undefined) return join(folder, name);
    this.#temporary ??= makeTempFolder('cluster', { alsoBySignals: true });
    return join(this.#temporary.path, name);
  }

  #route(envelope: Envelope): void {
    const { to, kind } = envelope;
    if (to === SCENARIO) {
      this.#endpoint.deliver(envelope);
      return;
    }
    const node = this.#nodes.get(to);
    if (node !== undefined) node.arrive(envelope);
    else if (kind === 'call') {
      this.#route(failedAnswer(envelope, new RunnerError('RUNNER_NODE_DOWN', `there is no node ${to}`)));
    }
  }

  async #stop(): Promise<void> {
    this.#endpoint.release();
    await Promise.all(Array.from(this.#nodes.values(), (node) => node.end()));
    await this.#temporary?.remove().catch((error: unknown) => this.#errors.push(error));
    if (this.#errors.length === 1) throw this.#errors[0];
    if (this.#errors.length > 1) throw new AggregateError(this.#errors, 'nodes have failed');
  }
}

/**
 * Makes a network of threads for the programs that `createNetwork` simulates: the same functions, found by module and
 * export. A crash ends a thread, a restart starts a new one, a disk is a folder, and time is the machine's. The threads
 * keep the process alive until `stop()` has ended them.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for invalid options.
 * @example
 * ```ts
 * import { realNetwork } from 'dryrunner/host';
 * const net = realNetwork();
 * try {
 *   const program = 'export const counter = () => { let count = 0; return { add: (n) => (count += n) }; };';
 *   await net.node('counter', { module: `data:text/javascript,${encodeURIComponent(program)}`, export: 'counter' });
 *   const counter = net.connect<{ add(n: number): number }>('counter');
 *   await counter.add(2);
 *   if ((await counter.add(3)) !== 5) throw new Error('expected it to count');
 * } finally {
 *   await net.stop();
 * }
 * ```
 */
export function realNetwork(options: RealNetworkOptions = {}): RealNetwork {
  check('options', options, OPTIONS);
  return new RealNetwork(options);
}
