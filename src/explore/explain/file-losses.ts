/** Finds the history of file content lost in a crash: what led to the loss, and what is left. */
import type { DiskEvent } from '../../model/message-text.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import type { ObservedRun } from './observed-run.ts';

/** True for content or a name that a crash takes from a disk; usually each is a decision. */
export function isLoss(event: TraceEvent): boolean {
  return event.type === 'disk' && ['lost', 'torn', 'zeroed'].includes(event.step);
}

function isWrite({ step }: DiskEvent): boolean {
  return step === 'wrote' || step === 'appended';
}

/** Maximum number of lost writes shown per file: the last ones, apart from a torn one, which is the first. */
const LOST_WRITES_MAX = 4;

/** A file's writes since its last sync. */
interface UnsyncedFile {
  readonly synced: DiskEvent | undefined;
  readonly writes: DiskEvent[];
}

/** Events around a loss: the last sync, the writes after it, what is left, and the first read of that. */
export class FileLosses {
  readonly #led = new Set<TraceEvent>();
  /** The writes that were torn, or the last ones that were lost. */
  readonly #struck = new Set<TraceEvent>();
  readonly #shown = new Set<TraceEvent>();
  readonly #files = new Map<string, UnsyncedFile>();
  /** Files that lost something and were not read since. */
  readonly #unread = new Set<string>();

  constructor(events: ObservedRun['events']) {
    for (const { event } of events) if (event.type === 'disk') this.#add(event);
  }

  /** True for an event that led to a loss. */
  leadsTo(event: TraceEvent): boolean {
    return this.#led.has(event);
  }

  /** True for the write that was lost or torn. */
  isStruck(event: TraceEvent): boolean {
    return this.#struck.has(event);
  }

  /** True for an event that shows the content after a loss. */
  shows(event: TraceEvent): boolean {
    return this.#shown.has(event);
  }

  #add(event: DiskEvent): void {
    const { runner, file, step, from, change } = event;
    const key = fileKey(runner, file);
    const isRename = step === 'renamed' || change === 'rename';
    if (isRename && from !== undefined) this.#rename(event, fileKey(runner, from), key);
    else if (isLoss(event) && change === undefined) this.#lose(key, event);
    else if (this.#unread.has(key) && (step === 'kept' || step === 'read')) {
      this.#shown.add(event);
      if (step === 'read') this.#unread.delete(key);
    } else if (isWrite(event)) {
      const unsynced = this.#of(key);
      unsynced.writes.push(event);
      this.#files.set(key, unsynced);
    } else if (step === 'synced') this.#files.set(key, { synced: event, writes: [] });
  }

  #of(key: string): UnsyncedFile {
    return this.#files.get(key) ?? { synced: undefined, writes: [] };
  }

  #lose(key: string, { step, writes: lost = 1 }: DiskEvent): void {
    const { synced, writes } = this.#of(key);
    // If several writes are lost, the first of them may be torn.
    const struck = writes.filter(isWrite).at(step === 'torn' ? -lost : -1);
    if (struck !== undefined) this.#struck.add(struck);
    const last = writes.slice(-LOST_WRITES_MAX);
    for (const each of [synced, ...last]) if (each !== undefined) this.#led.add(each);
    this.#unread.add(key);
  }

  /** Writes under the old name are shown with the rename. A crash may undo renames. */
  #rename(event: DiskEvent, from: string, to: string): void {
    const isLost = event.step === 'lost';
    const { synced, writes } = this.#of(isLost ? to : from);
    const isShown = !isLost && writes.length > 0;
    this.#files.delete(isLost ? to : from);
    this.#files.set(isLost ? from : to, { synced, writes: isShown ? [...writes, event] : writes });
  }
}

function fileKey(disk: string, file: string): string {
  return JSON.stringify([disk, file]);
}
