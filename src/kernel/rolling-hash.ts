/**
 * The rolling hash of a trace: 64 bits in two lanes, both changed by every number and string. Invariant: it depends on
 * the values and their order alone, never on the machine. It detects differences; it is not collision-resistant against
 * an adversary.
 */
import { isInstance } from './argument-check.ts';
import { invalidArgument } from './errors.ts';
import { mixBits, TEXT_START, TEXT_STEP } from './text-hash.ts';
import { TEXT_BASIS, textWords, type TextWords } from './text-words.ts';

const HIGH_BASIS = 0x243f6a88;
const LOW_BASIS = 0x13198a2e;
const HIGH_STEP = 0x9e3779b1;
const LOW_STEP = 0x85ebca77;
const WORD = 0x1_0000_0000;
/** Words that mark the kind of the next value; plain 32-bit integers, by far the most frequent, have none. */
const WIDE_INTEGER = 0x6a09e667;
const FRACTION = 0x3c6ef372;
const BYTES = 0x510e527f;
/** Half of all texts of a trace are empty. */
const NO_TEXT = textWords('');
const doubleView = new DataView(new ArrayBuffer(8));

/** A hash of a sequence of values. */
export class RollingHash {
  private high = HIGH_BASIS;
  private low = LOW_BASIS;

  /** Adds any number. 0 and -0 hash the same, and so do all NaN. */
  addNumber(value: number): void {
    if (typeof value !== 'number') throw invalidArgument('value', 'a number', value);
    if ((value | 0) === value) {
      this.addWord(value);
    } else if (Number.isSafeInteger(value)) {
      this.addWord(WIDE_INTEGER);
      this.addWord(Math.floor(value / WORD));
      this.addWord(value | 0);
    } else {
      doubleView.setFloat64(0, value);
      this.addWord(FRACTION);
      this.addWord(Number.isNaN(value) ? 0x7ff80000 : doubleView.getInt32(0));
      this.addWord(Number.isNaN(value) ? 0 : doubleView.getInt32(4));
    }
  }

  /** Adds a whole text. A text that `isRare` will hardly recur and is not cached; the hash is the same. */
  addString(text: string, isRare = false): void {
    if (typeof text !== 'string') throw invalidArgument('text', 'a string', text);
    if (isRare) {
      this.addRare(text);
      return;
    }
    this.addWords(text === '' ? NO_TEXT : textWords(text));
  }

  /** Adds a text by its words: the same effect as `addString`. */
  addWords({ high, low }: TextWords): void {
    this.addWord(high);
    this.addWord(low);
  }

  /** Adds the bytes and their number. */
  addBytes(bytes: Uint8Array): void {
    if (!isInstance(bytes, Uint8Array)) throw invalidArgument('bytes', 'a Uint8Array', bytes);
    this.addWord(BYTES);
    this.addWord(bytes.length);
    let word = 0;
    for (let i = 0; i < bytes.length; i++) {
      word = (word << 8) | (bytes[i] as number);
      if ((i & 3) === 3) this.addWord(word);
    }
    if ((bytes.length & 3) !== 0) this.addWord(word);
  }

  /** The hash of the values so far: 16 hexadecimal digits. More values can be added afterwards. */
  digest(): string {
    const high = mixBits(this.high ^ mixBits(this.low));
    const low = mixBits(this.low + high);
    return hexWord(high) + hexWord(low);
  }

  /** Computes the same two words as `textWords`, in one pass and without an object. */
  private addRare(text: string): void {
    const { length } = text;
    let high = TEXT_START;
    let low = TEXT_BASIS ^ TEXT_START;
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      high = Math.imul(high ^ unit, TEXT_STEP);
      high ^= high >>> 15;
      low = Math.imul(low ^ unit, TEXT_STEP);
      low ^= low >>> 15;
    }
    this.addWord(mixBits(high ^ length));
    this.addWord(mixBits(low ^ length));
  }

  private addWord(word: number): void {
    const high = Math.imul(this.high ^ word, HIGH_STEP);
    this.high = high ^ (high >>> 15);
    const low = Math.imul((this.low + word) ^ high, LOW_STEP);
    this.low = low ^ (low >>> 13);
  }
}

const HEX_BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Byte by byte, for speed: an exploration makes two digests per execution. */
function hexWord(word: number): string {
  const [b3, b2, b1, b0] = [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255];
  return `${HEX_BYTES[b3]}${HEX_BYTES[b2]}${HEX_BYTES[b1]}${HEX_BYTES[b0]}`;
}

/**
 * Creates an empty rolling hash.
 *
 * @example
 * ```ts
 * import { createRollingHash } from 'dryrunner/kernel';
 * const hash = createRollingHash();
 * hash.addNumber(1.5);
 * hash.addString('PENDING');
 * if (hash.digest().length !== 16) throw new Error('64 bits');
 * ```
 */
export function createRollingHash(): RollingHash {
  return new RollingHash();
}
