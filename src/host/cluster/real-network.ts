/**
 * The nodes of a cluster for real: the same programs, each in a thread of its own with the machine's time and a folder for its disk. Invariants:
 * what is sent to a process is heard by no other one; a call whose node dies rejects, as it does in a simulation; nothing is left after `stop`.
 */
import * as is from '../../kernel/shape.ts';
import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { receivedError } from '../../cluster/copy.ts';
import { Endpoint } from '../../cluster/endpoint.ts';
import { ANY_INCARNATION, Envelope, failedAnswer } from '../../cluster/envelope.ts';
import { createStub } from '../../cluster/stub.ts';
import { check } from '../../kernel/argument-check.ts';
import { invalidArgument, RunnerError } from '../../kernel/errors.ts';
import { codeModule } from '../../kernel/package-files.ts';
import { SEED } from '../../kernel/seeded-random.ts';
import type { CallOptions, Stub } from '../../model/node-context.ts';
import { createSystemClock } from '../system-clock.ts';
import { threadEntry } from '../thread-entry.ts';
import type { FromNode, NodeThreadInput, ToNode } from './node-message.ts';

/** A program by where it is: a thread loads it by itself. */
export interface ProgramReference {
  /** URL of its module: `new URL('./locks.ts', import.meta.url)`. TypeScript needs `tsx`. */
  readonly module: string | URL;
  /** The name by which the module exports it. */
  readonly export: string;
}

/** What {@link realNetwork} takes. */
export interface RealNetworkOptions {
  /** Where the disks are: a folder for each node, named after it, which outlives the network. Default: a temporary one, which does not. */
  readonly folder?: string;
  /** How long a call waits for its answer unless it says so itself; `Infinity` for ever. Default 10,000. */
  readonly callTimeoutMs?: number;
  /** Makes the random streams of nodes reproducible; nothing else is. Default: real entropy. */
  readonly seed?: string | number;
  /** Gets the lines of `note`. Default: nobody. */
  readonly onNote?: (node: string, text: string) => void;
}

/** A node and its verbs. */
export interface RealNode {
  readonly name: string;
  readonly state: 'up' | 'down' | 'left';
  /** Index of the latest process. */
  readonly incarnation: number;
  /** Ends its thread at once; resolves when it is gone. */
  crash(): Promise<void>;
  /** Starts a new process, in a new thread; crashes the old one if it is alive. Rejects with what the program throws. */
  restart(): Promise<void>;
  /** Ends it in good order, for good: the `onStop` hooks of its program are called. */
  leave(): Promise<void>;
}

const CALL_TIMEOUT_MS = 10_000;
const SCENARIO = 'scenario';
const PROGRAM = is.objectOf<ProgramReference>(
  'an object with module and export',
  { module: is.such('a URL', (value) => URL.canParse(String(value))), export: is.TEXT },
  {},
);
const OPTIONS = is.optionsOf<RealNetworkOptions>(
  {},
  { folder: is.TEXT, callTimeoutMs: is.limit(), seed: SEED, onNote: is.FUNCTION },
);
const NAME = is.text('letters, digits, dots, dashes and underscores', /^[\w.-]*\w[\w.-]*$/);
const TYPESCRIPT = /\.[cm]?tsx?$/;

/** What a node asks of its network. */
interface RealCore {
  readonly callTimeoutMs: number;
  readonly seed: string;
  folderOf(name: string): string;
  route(envelope: Envelope): void;
  note(node: string, text: string): void;
  /** A program has thrown where nobody waits for it. */
  noteError(error: unknown): void;
}

/** One thread, from its start to its end. */
class NodeProcess {
  readonly incarnation: number;
  readonly #name: string;
  readonly #worker: Worker;
  readonly #onEnd: (error: unknown) => void;
  /** Calls that it has got and not answered. */
  readonly serving = new Map<string, Envelope>();
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  #error: unknown;
  #isReady = false;
  #settleReady: readonly [resolve: () => void, reject: (error: Error) => void] | undefined;

  constructor(input: NodeThreadInput, core: RealCore, onEnd: (error: unknown) => void) {
    this.#name = input.name;
    this.incarnation = input.incarnation;
    this.#onEnd = onEnd;
    const entry = threadEntry(
      codeModule('host/cluster/node-thread'),
      TYPESCRIPT.test(new URL(input.module).pathname),
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
      this.#error = error;
    });
  }

  deliver(envelope: Envelope): void {
    if (envelope.kind === 'call') {
      this.serving.set(callKey(envelope.from, envelope.incarnation, envelope.id), envelope);
    }
    this.#post({ type: 'envelope', envelope: { ...envelope } });
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
    await this.ended;
  }

  async leave(): Promise<void> {
    this.#post({ type: 'leave' });
    await this.ended;
  }

  #take(message: FromNode, core: RealCore): void {
    switch (message.type) {
      case 'ready':
        this.#isReady = true;
        this.#settleReady?.[0]();
        return;
      case 'envelope': {
        const envelope = Envelope.of(message.envelope);
        const { kind, to, toIncarnation, id } = envelope;
        if (kind === 'reply' || kind === 'error') this.serving.delete(callKey(to, toIncarnation, id));
        core.route(envelope);
        return;
      }
      case 'note':
        core.note(this.#name, message.text);
        return;
      case 'failed':
        this.#error = receivedError(message.error);
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
      this.#error ?? new RunnerError('RUNNER_NODE_DOWN', `${this.#name} went down before it was ready`);
    this.#settleReady?.[1](error as Error);
    this.#onEnd(undefined);
  }

  #post(message: ToNode): void {
    this.#worker.postMessage(message);
  }
}

/** Callers number their calls by themselves. */
function callKey(caller: string, incarnation: number, id: number): string {
  return `${caller}/${incarnation}/${id}`;
}

class ThreadNode implements RealNode {
  readonly name: string;
  readonly #core: RealCore;
  readonly #program: ProgramReference;
  #process: NodeProcess | undefined;
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

  async start(): Promise<void> {
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
    };
    const process = new NodeProcess(input, core, (error) => this.#ended(process, error));
    this.#process = process;
    await process.ready;
  }

  async crash(): Promise<void> {
    await this.#process?.terminate();
  }

  async restart(): Promise<void> {
    if (this.#hasLeft) return;
    await this.crash();
    await this.start();
  }

  async leave(): Promise<void> {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    await this.#process?.leave();
  }

  /** The network has ended. */
  async end(): Promise<void> {
    this.#hasLeft = true;
    await this.#process?.terminate();
  }

  arrive(envelope: Envelope): void {
    const { toIncarnation, kind } = envelope;
    const process = this.#process;
    const isThere = toIncarnation === ANY_INCARNATION || toIncarnation === process?.incarnation;
    if (process !== undefined && isThere) process.deliver(envelope);
    else if (kind === 'call') {
      this.#core.route(failedAnswer(envelope, new RunnerError('RUNNER_NODE_DOWN', `${this.name} is down`)));
    }
  }

  #ended(process: NodeProcess, error: unknown): void {
    if (this.#process === process) this.#process = undefined;
    if (error !== undefined) this.#core.noteError(error);
    for (const call of process.serving.values()) {
      const lost = new RunnerError(
        'RUNNER_CALL_LOST',
        `${this.name} went down before it answered ${call.name}`,
      );
      this.#core.route(failedAnswer(call, lost));
    }
    process.serving.clear();
  }
}

/** A network of threads and its verbs. Made by {@link realNetwork}. */
export class RealNetwork {
  readonly #core: RealCore;
  readonly #options: RealNetworkOptions;
  readonly #nodes = new Map<string, ThreadNode>();
  readonly #endpoint: Endpoint;
  readonly #errors: unknown[] = [];
  #folder: string | undefined;
  #ids = 0;
  #stopped: Promise<void> | undefined;

  /** @internal */
  constructor(options: RealNetworkOptions) {
    this.#options = options;
    const { callTimeoutMs = CALL_TIMEOUT_MS, seed = randomBytes(16).toString('hex') } = options;
    this.#core = {
      callTimeoutMs,
      seed: String(seed),
      folderOf: (name) => this.#folderOf(name),
      route: (envelope) => this.#route(envelope),
      note: (node, text) => options.onNote?.(node, text),
      noteError: (error) => this.#errors.push(error),
    };
    this.#endpoint = new Endpoint({
      name: SCENARIO,
      incarnation: 0,
      clock: createSystemClock(),
      callTimeoutMs,
      transport: { nextId: () => (this.#ids += 1), post: (envelope) => this.#route(envelope) },
    });
  }

  /**
   * Makes a node; resolves when its program has returned.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a name that is taken and a program that is not found, `RUNNER_RELEASED` after `stop`;
   * what the program throws (as rejections).
   */
  async node(name: string, program: ProgramReference): Promise<RealNode> {
    check('name', name, NAME);
    check('program', program, PROGRAM);
    if (name === SCENARIO || this.#nodes.has(name)) {
      throw invalidArgument('name', 'one that no other node has', name);
    }
    if (this.#stopped !== undefined) throw new RunnerError('RUNNER_RELEASED', 'the network was stopped');
    const node = new ThreadNode(this.#core, name, program);
    this.#nodes.set(name, node);
    await node.start();
    return node;
  }

  /** The object of a node, as the caller of this function calls it. */
  connect<T extends object>(to: string, options?: CallOptions): Stub<T> {
    return createStub<T>(this.#endpoint, to, options);
  }

  /**
   * Ends all threads at once, and removes a temporary folder. Rejects with what programs have thrown where nobody waited for it, if they have.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  #folderOf(name: string): string {
    this.#folder ??= this.#options.folder ?? mkdtempSync(join(tmpdir(), 'dryrunner-cluster-'));
    return join(this.#folder, name);
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
    this.#endpoint.close();
    await Promise.all(Array.from(this.#nodes.values(), (node) => node.end()));
    if (this.#folder !== undefined && this.#options.folder === undefined) {
      await rm(this.#folder, { recursive: true, force: true });
    }
    if (this.#errors.length === 1) throw this.#errors[0];
    if (this.#errors.length > 1) throw new AggregateError(this.#errors, 'nodes have failed');
  }
}

/**
 * Makes a network of threads for the programs that `createNetwork` simulates: the same functions, found by module and export. A crash ends a
 * thread, a restart is a new one, a disk is a folder, time is the machine's.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for options that make no sense.
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
