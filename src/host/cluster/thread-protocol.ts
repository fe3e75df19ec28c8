/** The messages between a node's thread and the network that started it. */
import type { EnvelopeData } from '../../cluster/envelope.ts';
import type { ErrorWithin } from '../../cluster/copy.ts';

/** The input of a thread. */
export interface NodeThreadInput {
  readonly name: string;
  readonly incarnation: number;
  /** URL of the module of its program, and the name by which the module exports the program. */
  readonly module: string;
  readonly export: string;
  /** The folder of its disk. */
  readonly folder: string;
  readonly seed: string;
  readonly callTimeoutMs: number;
  /** The ids of its calls and messages are greater than this: no other process of the network has them. */
  readonly idsAfter: number;
}

/** Messages to a thread. */
export type ToNode =
  { readonly type: 'envelope'; readonly envelope: EnvelopeData } | { readonly type: 'leave' };

/** Messages from a thread. */
export type FromNode =
  | { readonly type: 'ready' }
  | { readonly type: 'envelope'; readonly envelope: EnvelopeData }
  | { readonly type: 'note'; readonly text: string }
  | { readonly type: 'failed'; readonly failure: ErrorWithin }
  | { readonly type: 'left' };
