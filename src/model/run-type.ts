/** Run types select the filer of a command; the map gives each type its filer and the filer's readiness. */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { digestOfSnapshot } from './digest.ts';
import type { Filer } from './filer.ts';

/** The kind of execution a command asks for, read off its snapshot id. */
export type RunType = 'scoot' | 'bazel';

/**
 * A filer with an optional readiness promise: it settles once, and a rejection means that initialization failed (R60,
 * R61).
 */
export interface FilerAndInit {
  readonly filer: Filer;
  readonly init?: PromiseLike<void>;
}

/** Which filer serves which run type. */
export type RunTypeMap = Map<RunType, FilerAndInit>;

const SNAPSHOT = is.text('the id of a snapshot');

/** `bazel` for a snapshot id of the form `bz-<64 characters>-<size ≥ −1>`, else `scoot` (R184). */
export function runTypeOf(snapshotId: string | undefined): RunType {
  if (snapshotId !== undefined) check('snapshotId', snapshotId, SNAPSHOT);
  return snapshotId !== undefined && digestOfSnapshot(snapshotId) !== undefined ? 'bazel' : 'scoot';
}
