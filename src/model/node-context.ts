/**
 * What a node of a cluster is to its own program: its time, its randomness, and how it reaches others. The same program runs on a simulated
 * network (`createNetwork`) and on worker threads (`realNetwork` of `dryrunner/host`); nothing in it says which.
 */
import type { Clock } from '../kernel/clock.ts';
import type { Label } from '../kernel/question.ts';
import type { RandomStream } from '../kernel/random.ts';
import type { Disk } from './disk.ts';
import type { World } from './world.ts';

/** The methods of an object, each as it is called from another node: whatever it returns comes as a promise. */
export type Stub<T> = {
  readonly [K in keyof T as T[K] extends (...args: never[]) => unknown ? K : never]: T[K] extends (
    ...args: infer A
  ) => infer R
    ? (...args: A) => Promise<Awaited<R>>
    : never;
};

/** How long a caller waits for an answer. */
export interface CallOptions {
  /**
   * After so long the call rejects with `RUNNER_CALL_TIMED_OUT`; what it does at the other end goes on. `Infinity` for no limit. Default:
   * `callTimeoutMs` of the network, or for one call that of its stub.
   */
  readonly timeoutMs?: number;
  /** Rejects the call with its reason. */
  readonly signal?: AbortSignal;
}

/** How long {@link Mailbox.receive} waits for a message. */
export interface ReceiveOptions {
  /** After so long it rejects with `RUNNER_TIMED_OUT`. Default: `Infinity`, no limit. */
  readonly timeoutMs?: number;
  /** When it aborts, the wait rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** Messages without reply that have come and were not taken, in the order of coming. */
export interface Mailbox<M> extends AsyncIterable<M> {
  /** The next message; waits for one. While it waits, a handler gets none. */
  receive(options?: ReceiveOptions): Promise<M>;
  /** How many have come and were not taken. */
  readonly size: number;
}

/** What {@link NodeContext.mailbox} takes. */
export interface MailboxOptions {
  /**
   * How many messages can wait at the node; one more is refused, which its sender does not learn and the trace says. Default: what was set
   * before, at first 1,024.
   */
  readonly limit?: number;
}

/** A node as its program sees it. What is made of it dies with the process. Its functions can be taken apart: `({ connect, sleep }) => …`. */
export interface NodeContext {
  readonly name: string;
  /** 0 for the first process of the node, and one more with each restart. */
  readonly incarnation: number;
  /** Its own time, as far off as its clock is. */
  readonly clock: Clock;
  readonly random: RandomStream;
  /** What is left of it by the next process depends on what was synced, and on how this one ends. */
  readonly disk: Disk;
  /** Aborts when the node begins to leave, before the `onStop` hooks. A crash aborts nothing. */
  readonly signal: AbortSignal;
  /** For whatever takes a world, such as a runner. */
  readonly world: World;
  /** Lets `ms` of its own time pass. */
  readonly sleep: (ms: number, label?: Label) => Promise<void>;
  /** The object of another node, or of this one: each call is a message there, and its answer one back. */
  readonly connect: <T extends object>(to: string, options?: CallOptions) => Stub<T>;
  /** Sends what nobody answers. It may be lost. */
  readonly send: (to: string, message: unknown) => void;
  /** Takes messages from now on, those in the mailbox first. Only one handler at a time. What it throws or rejects with is an error of the node. */
  readonly onMessage: (handler: (message: never, from: string) => unknown) => void;
  /** Where messages wait that no handler takes; a node has one, however often it is asked for. */
  readonly mailbox: <M = unknown>(options?: MailboxOptions) => Mailbox<M>;
  /** Puts a line into the trace. */
  readonly note: (text: string) => void;
  /** Called when the node leaves in good order, the last one first, each awaited before the next; a crash calls nobody. */
  readonly onStop: (hook: () => void | Promise<void>) => void;
}

/** What runs on a node. The object that it returns is what others can call. */
export type NodeProgram<T extends object | void = object | void> = (node: NodeContext) => T | Promise<T>;
