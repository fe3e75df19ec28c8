/**
 * The view that a node of a cluster has of itself: its time, its randomness, and its ways to reach other nodes. The
 * same program runs on a simulated network (`createNetwork`) and on worker threads (`realNetwork` of `dryrunner/host`),
 * and does not know which.
 */
import type { Clock } from '../kernel/clock.ts';
import type { Label } from '../kernel/question.ts';
import type { RandomStream } from '../kernel/random.ts';
import type { Disk } from './disk.ts';
import type { World } from './world.ts';

/** The methods of an object as another node calls them: every result becomes a promise. */
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
   * Timeout in milliseconds, after which the call rejects with `RUNNER_CALL_TIMED_OUT`; the callee is not stopped.
   * `Infinity` for none. Defaults to the timeout of the stub, and that to `callTimeoutMs` of the network.
   */
  readonly timeoutMs?: number;
  /** When it aborts, the call rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** How long {@link Mailbox.receive} waits for a message. */
export interface ReceiveOptions {
  /** Timeout in milliseconds, after which it rejects with `RUNNER_TIMED_OUT`. Default: `Infinity`, no limit. */
  readonly timeoutMs?: number;
  /** When it aborts, the wait rejects with its reason. If it has aborted, no message is taken. */
  readonly signal?: AbortSignal;
}

/** A queue of messages that expect no reply, in order of arrival. */
export interface Mailbox<M> extends AsyncIterable<M> {
  /**
   * Takes the next message, waiting for one if there is none. While a receive is waiting, a handler gets no messages.
   */
  receive(options?: ReceiveOptions): Promise<M>;
  /** Number of messages waiting. */
  readonly size: number;
}

/** Options of {@link NodeContext.mailbox}. */
export interface MailboxOptions {
  /**
   * How many messages can wait at the node. A message beyond that is refused; its sender is not notified, but the trace
   * shows it. Defaults to the limit set before, initially 1,024.
   */
  readonly limit?: number;
}

/**
 * A node as its program sees it. Everything made from it dies with the process. Its functions can be destructured:
 * `({ connect, sleep }) => …`.
 */
export interface NodeContext {
  readonly name: string;
  /** 0 for the first process of the node; grows by one with each restart. */
  readonly incarnation: number;
  /** The node's own clock, including its skew. */
  readonly clock: Clock;
  readonly random: RandomStream;
  /** The node's disk. What the next process finds on it depends on what was synced and on how this process ends. */
  readonly disk: Disk;
  /** Aborts when the node starts to leave, before the `onStop` hooks run. A crash does not abort it. */
  readonly signal: AbortSignal;
  /** The world for anything that takes one, such as a runner. */
  readonly world: World;
  /** Resolves after `ms` milliseconds on the node's own clock. */
  readonly sleep: (ms: number, label?: Label) => Promise<void>;
  /**
   * A stub for the object of another node, or of this one: each call is a message to that node, and its answer a
   * message back.
   */
  readonly connect: <T extends object>(to: string, options?: CallOptions) => Stub<T>;
  /** Sends a message that expects no reply. It may be lost. */
  readonly send: (to: string, message: unknown) => void;
  /**
   * Handles all messages from now on, those in the mailbox first. There is only one handler at a time. If it throws or
   * rejects, the node fails with that error.
   */
  readonly onMessage: <M = unknown>(handler: (message: M, from: string) => unknown) => void;
  /** The queue for messages that no handler takes. A node has one; every call returns the same. */
  readonly mailbox: <M = unknown>(options?: MailboxOptions) => Mailbox<M>;
  /** Adds a line to the trace. */
  readonly note: (text: string) => void;
  /**
   * Registers a hook for when the node leaves in good order: the last one runs first, and each is awaited before the
   * next. A crash runs none.
   */
  readonly onStop: (hook: () => void | Promise<void>) => void;
}

/** The program of a node. Other nodes can call the methods of the object that it returns. */
export type NodeProgram<T extends object | void = object | void> = (node: NodeContext) => T | Promise<T>;
