/**
 * Decides what a crash does to data that was not synced. Invariants: answer 0 of a `lost` or `zeroed` question loses
 * nothing, its highest answer all that it asks about; a `torn` question follows a loss, its answer 0 keeps nothing of
 * the lost write, and its highest answer the smallest first part; the result is a state that a POSIX disk may be in;
 * whatever is lost, torn or kept is an event of the trace.
 */
import type { Choices, DescribeAnswer } from '../kernel/decisions.ts';
import { namedTopic } from '../kernel/question.ts';
import {
  lostChangeText,
  lostText,
  nameChangeText,
  partText,
  type TornWrite,
  tornText,
  unfinishedChangeText,
  unfinishedText,
  zeroedText,
} from '../model/message-text.ts';
import type { DiskStep, TraceEvent } from '../model/trace-event.ts';
import { ExclusiveNames, type NameChange, namesIn, type NameTable } from './name-table.ts';
import type { Change, StoredFile } from './stored-file.ts';

type DiskEvent = Extract<TraceEvent, { readonly type: 'disk' }>;

/** What a crash needs from its disk. */
export interface CrashingDisk {
  readonly name: string;
  readonly choices: Choices;
  /** Writes tear at multiples of this; `Infinity`: never. */
  readonly tearBytes: number;
  /** True if unsynced data may survive in a different order than it was written in. */
  readonly reorder: boolean;
  record(event: Omit<DiskEvent, 'at' | 'type' | 'runner'>): void;
}

/** One crash of one disk. */
export class DiskCrash {
  readonly #disk: CrashingDisk;

  constructor(disk: CrashingDisk) {
    this.#disk = disk;
  }

  /** Applies a power failure: names and contents become what the medium holds. */
  powerFail(names: NameTable): void {
    names.survive(this.#keptNames(names.unsynced));
    const seen = new Set<StoredFile>();
    for (const path of names.paths) {
      const file = names.get(path) as StoredFile;
      if (seen.has(file) || file.changes.length === 0) continue;
      seen.add(file);
      this.#failContent(path, file);
    }
  }

  /** The prefix that survives of a write that was in progress when its process died; undefined if none of it does. */
  interrupted(path: string, change: Change, offset: number): Change | undefined {
    const { name } = this.#disk;
    const bytes = change.data.length;
    const wasUnderWay = true;
    const describe: DescribeAnswer = (answer) => (answer === 0 ? '' : unfinishedText(name, path, bytes));
    if (this.#ask('lost', path, 2, describe) === 0) return change;
    this.#disk.record({ step: 'lost', file: path, bytes, wasUnderWay });
    const cut = this.#tear(path, change, offset, (part) => partText(name, path, part.bytes, bytes));
    if (cut !== undefined) {
      this.#disk.record({
        ...{ step: 'torn', file: path, bytes: cut.data.length, writtenBytes: bytes, wasUnderWay },
      });
    }
    return cut;
  }

  /** True if a change of names that was in progress when its process died was carried out. */
  interruptedName(change: NameChange): boolean {
    const words = nameChangeText(change.kind, change.path, targetOf(change));
    const describe: DescribeAnswer = (answer) =>
      answer === 0 ? '' : unfinishedChangeText(this.#disk.name, words);
    if (this.#ask('lost', 'names', 2, describe) === 0) return true;
    this.#recordLostName(change, true);
    return false;
  }

  #failContent(path: string, file: StoredFile): void {
    const { changes, losable } = file;
    const lost = this.#askLost(path, losable);
    const kept = changes.slice(0, changes.length - lost);
    const cut = this.#loseAll(path, changes.slice(kept.length), lengthOf(kept, file.mediumLength));
    const pieces = [...this.#withHoles(path, kept), ...(cut === undefined ? [] : [cut])];
    file.survive(pieces);
    const shown = pieces.slice(lastReplacementIn(pieces));
    const unsyncedBytes = bytesOf(shown.filter(({ state }) => state !== 'synced'));
    this.#disk.record({ step: 'kept', file: path, bytes: file.length, unsyncedBytes });
  }

  /** The part that survives of the first of these lost writes; undefined if none does. */
  #loseAll(path: string, changes: readonly Change[], lengthBefore: number): Change | undefined {
    const [first] = changes;
    if (first === undefined) return undefined;
    const writes = changes.length;
    this.#disk.record({ step: 'lost', file: path, bytes: bytesOf(changes), writes });
    const cut = this.#tear(path, first, lengthBefore, (part) =>
      tornText(this.#disk.name, path, { ...part, writes }),
    );
    if (cut !== undefined) {
      const [bytes, writtenBytes] = [cut.data.length, first.data.length];
      this.#disk.record({ step: 'torn', file: path, bytes, writtenBytes, writes });
    }
    return cut;
  }

  /** How many of the changes are lost, counted from the last. */
  #askLost(path: string, losable: readonly Change[]): number {
    const { name } = this.#disk;
    const describe: DescribeAnswer = (answer) =>
      answer === 0
        ? ''
        : lostText(name, path, {
            writes: answer,
            bytes: bytesOf(losable.slice(losable.length - answer)),
          });
    return this.#ask('lost', path, losable.length + 1, describe);
  }

  /** The part that survives of the first lost write; undefined if none does. */
  #tear(
    path: string,
    { data, replaces }: Change,
    lengthBefore: number,
    words: (part: Omit<TornWrite, 'writes'>) => string,
  ): Change | undefined {
    const { tearBytes } = this.#disk;
    const offset = replaces ? 0 : lengthBefore;
    // Even with no new bytes there yet, a replacement has already removed the old content.
    const least = replaces && lengthBefore > 0 ? 0 : 1;
    const first = Math.ceil((offset + least) / tearBytes) * tearBytes - offset;
    const count =
      tearBytes === Infinity ? 0 : Math.max(0, Math.floor((data.length - 1 - first) / tearBytes) + 1);
    if (count === 0) return undefined;
    // Half of the answers keep nothing, the other half tear at one of the places: losing the write whole is as likely
    // as tearing it.
    const bytesFor = (answer: number): number => first + (2 * count - 1 - answer) * tearBytes;
    const describe: DescribeAnswer = (answer) =>
      answer < count ? '' : words({ bytes: bytesFor(answer), writtenBytes: data.length });
    const answer = this.#ask('torn', path, 2 * count, describe);
    if (answer < count) return undefined;
    return { replaces, data: data.slice(0, bytesFor(answer)), state: 'dirty' };
  }

  /** The surviving changes, some of them replaced by zeros: the length is right, but the bytes are lost. */
  #withHoles(path: string, kept: readonly Change[]): Change[] {
    const lastSynced = kept.findLastIndex(({ state }) => state === 'synced');
    const first = lastReplacementIn(kept);
    return kept.slice(first).map((change, index) => {
      const { state, data } = change;
      const mayBeLost = state !== 'synced' && (this.#disk.reorder || first + index < lastSynced);
      if (!mayBeLost || data.every((byte) => byte === 0)) return change;
      const words: DescribeAnswer = (answer) =>
        answer === 0 ? '' : zeroedText(this.#disk.name, path, data.length);
      if (this.#ask('zeroed', path, 2, words) === 0) return change;
      this.#disk.record({ step: 'zeroed', file: path, bytes: data.length });
      return { ...change, data: new Uint8Array(data.length) };
    });
  }

  #keptNames(changes: readonly NameChange[]): readonly NameChange[] {
    if (changes.length === 0) return changes;
    if (this.#disk.reorder) return this.#keptInAnyOrder(changes);
    const describe: DescribeAnswer = (answer) =>
      answer === 0 ? '' : this.#lostNames(changes.slice(changes.length - answer));
    const kept = changes.length - this.#ask('lost', 'names', changes.length + 1, describe);
    for (const change of changes.slice(kept)) this.#recordLostName(change);
    return changes.slice(0, kept);
  }

  /** A change depends on all earlier ones whose names exclude one of its own, and on no others. */
  #keptInAnyOrder(changes: readonly NameChange[]): NameChange[] {
    const gone = new ExclusiveNames();
    return changes.filter((change) => {
      const names = namesIn(change);
      const describe: DescribeAnswer = (answer) => (answer === 0 ? '' : this.#lostNames([change]));
      const isLost =
        names.some((name) => gone.exclude(name)) ||
        this.#ask('lost', `name ${names.join(' ')}`, 2, describe) === 1;
      if (!isLost) return true;
      for (const name of names) gone.add(name);
      this.#recordLostName(change);
      return false;
    });
  }

  #lostNames(changes: readonly NameChange[]): string {
    const texts = changes.map((change) => nameChangeText(change.kind, change.path, targetOf(change)));
    const more = texts.length > 3 ? [`${texts.length - 2} later changes of names`] : texts.slice(2);
    const list = [...texts.slice(0, 2), ...more];
    const last = list.pop() ?? '';
    return lostChangeText(this.#disk.name, list.length === 0 ? last : `${list.join(', ')} and ${last}`);
  }

  #recordLostName(change: NameChange, wasUnderWay = false): void {
    this.#disk.record({
      ...{ step: 'lost', file: targetOf(change), change: change.kind },
      ...(change.kind === 'rename' ? { from: change.path } : {}),
      ...(wasUnderWay ? { wasUnderWay } : {}),
    });
  }

  #ask(what: DiskStep, subject: string, n: number, describe: DescribeAnswer): number {
    const { name, choices } = this.#disk;
    return choices.choose(namedTopic(name, what, subject).asks('fault'), n, describe);
  }
}

function targetOf(change: NameChange): string {
  return change.kind === 'rename' ? change.to : change.path;
}

/** Index of the last change that replaces the whole content; 0 if there is none. */
function lastReplacementIn(changes: readonly Change[]): number {
  return Math.max(
    0,
    changes.findLastIndex(({ replaces }) => replaces),
  );
}

function bytesOf(changes: readonly Change[]): number {
  return changes.reduce((sum, { data }) => sum + data.length, 0);
}

/** The length of the file after these changes. */
function lengthOf(changes: readonly Change[], mediumLength: number): number {
  return changes.reduce((length, { replaces, data }) => (replaces ? 0 : length) + data.length, mediumLength);
}
