/**
 * The content of one file: what processes read, and what the medium below holds. Invariants: a read returns the
 * medium's content with all later changes applied; synced content is completely on the medium; bytes are copied on
 * read, never shared with a caller.
 */

/**
 * A write that cannot be merged into the medium's content yet. `dirty`: the next sync will write it. `clean`: a sync
 * failed, and the next one assumes that it was written. `synced`: it is on the medium, but an earlier one may not be.
 */
export interface Change {
  /** True: replaces the whole content; false: appends. */
  readonly replaces: boolean;
  readonly data: Uint8Array;
  state: 'dirty' | 'clean' | 'synced';
}

/** A part of the content. */
interface Piece {
  readonly replaces: boolean;
  readonly data: Uint8Array;
}

/** One file on a disk, with the changes that are not on the medium. */
export class StoredFile {
  /** Content that is certainly on the medium. */
  #medium: Uint8Array[] = [];
  #mediumBytes = 0;
  #changes: Change[] = [];
  #length = 0;

  /** Number of bytes as processes see it. */
  get length(): number {
    return this.#length;
  }

  /** Number of bytes that are certainly on the medium. */
  get mediumLength(): number {
    return this.#mediumBytes;
  }

  /** Number of bytes visible to processes that are certainly on the medium; they come first. */
  get agedBytes(): number {
    return this.#changes.some(({ replaces }) => replaces) ? 0 : this.#mediumBytes;
  }

  /** All changes after the medium's content, in order. */
  get changes(): readonly Change[] {
    return this.#changes;
  }

  /** The changes that a power failure can lose: all after the last one that was synced. */
  get losable(): readonly Change[] {
    return this.#changes.slice(this.#changes.findLastIndex(({ state }) => state === 'synced') + 1);
  }

  read(): Uint8Array {
    return joined(contentOf([...this.#medium.map(added), ...this.#changes]), this.#length);
  }

  put(data: Uint8Array, replaces: boolean): void {
    this.#changes.push({ replaces, data, state: 'dirty' });
    this.#length = replaces ? data.length : this.#length + data.length;
  }

  /** Marks all changes as synced, except those that a failed sync left unknown. */
  sync(): void {
    for (const change of this.#changes) if (change.state === 'dirty') change.state = 'synced';
    const last = this.#changes.findLastIndex(({ state, replaces }) => state === 'synced' && replaces);
    // A replacement that is on the medium makes everything before it irrelevant.
    if (last >= 0) {
      this.#changes.splice(0, last);
      this.#medium = [];
      this.#mediumBytes = 0;
    }
    const unknown = this.#changes.findIndex(({ state }) => state !== 'synced');
    const certain = this.#changes.splice(0, unknown < 0 ? this.#changes.length : unknown);
    for (const { data } of certain) {
      if (data.length > 0) this.#medium.push(data);
      this.#mediumBytes += data.length;
    }
  }

  /** Records a failed sync: its changes may or may not be on the medium, but are assumed to be. */
  failSync(): void {
    for (const change of this.#changes) if (change.state === 'dirty') change.state = 'clean';
  }

  /** Applies a power failure: the medium holds its own content and these pieces, and all else is lost. */
  survive(pieces: readonly Piece[]): void {
    this.#medium = contentOf([...this.#medium.map(added), ...pieces]);
    this.#mediumBytes = this.#medium.reduce((sum, data) => sum + data.length, 0);
    this.#length = this.#mediumBytes;
    this.#changes = [];
  }

  /** Flips one bit of the medium's content, counted from the start. */
  flipBit(bit: number): void {
    let left = bit;
    for (const [index, data] of this.#medium.entries()) {
      if (left < data.length * 8) {
        // Copies first, because a change that is still needed may share the bytes.
        const rotten = Uint8Array.from(data);
        rotten[left >> 3] = (rotten[left >> 3] ?? 0) ^ (1 << (left & 7));
        this.#medium[index] = rotten;
        return;
      }
      left -= data.length * 8;
    }
  }
}

function added(data: Uint8Array): Piece {
  return { replaces: false, data };
}

/** The pieces from the last replacement on. */
function contentOf(pieces: readonly Piece[]): Uint8Array[] {
  const first = Math.max(
    0,
    pieces.findLastIndex(({ replaces }) => replaces),
  );
  return pieces.slice(first).flatMap(({ data }) => (data.length > 0 ? [data] : []));
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
