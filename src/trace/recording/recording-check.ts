/**
 * Checks facts that a recording contains twice and that a replay does not verify. Invariant: everything else that must
 * agree follows from the inputs.
 */
import type { RecordedEntry } from '../../model/recording.ts';
import { findDataDifference } from '../data-difference.ts';
import { entryPlace, formatEntry } from './entry-text.ts';

/** An entry that contradicts an earlier one, or itself. */
export interface Contradiction {
  /** Position of the entry, from 0. */
  readonly index: number;
  readonly path: string;
  readonly text: string;
}

/** The first contradiction; undefined if there is none. */
export function findContradiction(entries: readonly RecordedEntry[]): Contradiction | undefined {
  const ends = new Map<string, unknown>();
  for (const [index, entry] of entries.entries()) {
    const path = entry.type === 'memory' ? wrongKind(entry) : otherEnd(ends, entry);
    if (path === undefined) continue;
    const text = `${entryPlace(index)} contradicts ${entry.type === 'memory' ? 'itself' : 'an earlier one'} in ${path}: ${formatEntry(entry)}`;
    return { index, path, text };
  }
  return undefined;
}

/** The end of a process is unique, however it is requested (R120). */
function otherEnd(ends: Map<string, unknown>, entry: RecordedEntry): string | undefined {
  if (entry.type !== 'answered' && entry.type !== 'asked') return undefined;
  const status = entry.answer?.status;
  if (status === undefined) return undefined;
  const process = JSON.stringify([entry.runner, entry.name]);
  if (!ends.has(process)) ends.set(process, status);
  const found = findDataDifference(ends.get(process), status);
  return found === undefined ? undefined : `answer.status.${found.path}`;
}

/** A cap exceeded at the first check is the fault of the runner's machine, later that of the command (R132). */
function wrongKind({ kind, status }: Extract<RecordedEntry, { type: 'memory' }>): string | undefined {
  return (kind === 'initial') === (status.state === 'FAILED') ? undefined : 'kind';
}
