/** Content of files that is lost in a crash: what led to it, and what there is afterwards. */
import type { DiskEvent } from '../../model/message-text.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import type { ObservedRun } from './observed-run.ts';

/** What a crash takes from a disk: as a rule each is a decision. */
export function isLoss(event: TraceEvent): boolean {
  return event.type === 'disk' && ['lost', 'torn', 'zeroed'].includes(event.step);
}

function isWrite({ step }: DiskEvent): boolean {
  return step === 'wrote' || step === 'appended';
}

/** Of writes to one file that are lost, so many are shown: the last ones, and the one that was torn, which is the first. */
const LOST_WRITES_MAX = 4;

/** What has happened to a file since it was synced. */
interface UnsyncedFile {
  readonly synced: DiskEvent | undefined;
  readonly writes: DiskEvent[];
}

/** What leads to the loss of content and what comes of it: the last sync, the writes after it, what is left, and who reads that first. */
export class FileLosses {
  readonly #led = new Set<TraceEvent>();
  /** The writes that were torn, or the last ones that were lost. */
  readonly #struck = new Set<TraceEvent>();
  readonly #shown = new Set<TraceEvent>();
  readonly #files = new Map<string, UnsyncedFile>();
  /** Those that have lost something, and that nobody has read since. */
  readonly #unread = new Set<string>();

  constructor(events: ObservedRun['events']) {
    for (const { event } of events) if (event.type === 'disk') this.#add(event);
  }

  /** True for what led to a loss. */
  leadsTo(event: TraceEvent): boolean {
    return this.#led.has(event);
  }

  /** True for the write that a loss is about. */
  isStruck(event: TraceEvent): boolean {
    return this.#struck.has(event);
  }

  /** True for what shows what there is after a loss. */
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
    // Of several that are lost the first may be torn.
    const struck = writes.filter(isWrite).at(step === 'torn' ? -lost : -1);
    if (struck !== undefined) this.#struck.add(struck);
    const last = writes.slice(-LOST_WRITES_MAX);
    for (const each of [synced, ...last]) if (each !== undefined) this.#led.add(each);
    this.#unread.add(key);
  }

  /** What was written to it by its old name is shown with the rename. A crash takes renames back. */
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
