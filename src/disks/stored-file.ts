/**
 * The content of one file: what processes read, and what the medium under it holds. Invariants: what is read is the medium's content with all
 * changes that came after it; what was synced is on the medium whole; bytes are copied when they are read, never shared with a caller.
 */

/**
 * One write that is not known to be on the medium alone. `dirty`: a sync will write it. `clean`: a sync failed, and the next one believes that
 * it was written. `synced`: it is on the medium, and an earlier one perhaps not.
 */
export interface Change {
  /** It replaces all that was there; else it is added at the end. */
  readonly replaces: boolean;
  readonly data: Uint8Array;
  state: 'dirty' | 'clean' | 'synced';
}

/** A part of the content. */
interface Piece {
  readonly replaces: boolean;
  readonly data: Uint8Array;
}

/** See the invariants above. */
export class StoredFile {
  /** What the medium holds for certain. */
  #medium: Uint8Array[] = [];
  #mediumBytes = 0;
  #changes: Change[] = [];
  #length = 0;

  /** Bytes as processes see it. */
  get length(): number {
    return this.#length;
  }

  /** What the medium holds for certain, in bytes. */
  get mediumLength(): number {
    return this.#mediumBytes;
  }

  /** Of what processes see, the bytes that the medium holds for certain; they come first. */
  get agedBytes(): number {
    return this.#changes.some(({ replaces }) => replaces) ? 0 : this.#mediumBytes;
  }

  /** All changes since the medium's content, in order. */
  get changes(): readonly Change[] {
    return this.#changes;
  }

  /** Of the changes, those that a power failure can take away: all after the last one that was synced. */
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

  /** All that was changed is on the medium, as far as it is known not to be there. */
  sync(): void {
    for (const change of this.#changes) if (change.state === 'dirty') change.state = 'synced';
    const last = this.#changes.findLastIndex(({ state, replaces }) => state === 'synced' && replaces);
    // What was there before a replacement that is on the medium is gone, whether it was there or not.
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

  /** The sync failed: what it was to write is or is not on the medium, and is believed to be. */
  failSync(): void {
    for (const change of this.#changes) if (change.state === 'dirty') change.state = 'clean';
  }

  /** After a power failure the medium holds these pieces after its own content, and nobody has anything else. */
  survive(pieces: readonly Piece[]): void {
    this.#medium = contentOf([...this.#medium.map(added), ...pieces]);
    this.#mediumBytes = this.#medium.reduce((sum, data) => sum + data.length, 0);
    this.#length = this.#mediumBytes;
    this.#changes = [];
  }

  /** Flips one bit of what the medium holds, counted from its beginning. */
  flipBit(bit: number): void {
    let left = bit;
    for (const [index, data] of this.#medium.entries()) {
      if (left < data.length * 8) {
        // Not in place: the bytes may be those of a change that is still to be looked at.
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
