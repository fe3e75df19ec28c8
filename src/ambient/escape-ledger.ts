/**
 * Escapes by place. Invariant: the turns that the drain itself takes of the event loop are not among them, told apart by who asked for
 * them and not by what they are.
 */
import type { Escape, EscapeKind } from '../explore/escape.ts';
import { framesOf } from '../explore/explain/source-place.ts';
import { codePathOf, fileOfFrame } from '../kernel/own-files.ts';

interface CountedEscape extends Escape {
  count: number;
}

const PLACES_KEPT = 100;
const FRAMES = 60;

/** What was seen so far. */
export class EscapeLedger {
  readonly #escapes = new Map<string, CountedEscape>();
  /** Kinds with a known place in this execution: what comes without one follows from it. */
  readonly #placed = new Set<EscapeKind>();
  #isLooking = false;

  /** Forgets what belongs to one execution. */
  beginExecution(): void {
    this.#placed.clear();
  }

  /** Notes what is happening now, with the stack of now. */
  note(kind: EscapeKind, what: string): void {
    // Taking a stack may itself read what is watched.
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const stack = stackOfNow();
      if (!isOfDrain(stack)) this.#count(kind, what, framesOf(stack));
    } finally {
      this.#isLooking = false;
    }
  }

  escapes(): readonly Escape[] {
    return [...this.#escapes.values()].map((escape) => ({ ...escape }));
  }

  #count(kind: EscapeKind, what: string, frames: readonly string[]): void {
    const [nearest = ''] = frames;
    if (nearest !== '') this.#placed.add(kind);
    else if (this.#placed.has(kind)) return;
    const key = `${what} ${nearest}`;
    const known = this.#escapes.get(key);
    if (known !== undefined) known.count += 1;
    else if (this.#escapes.size < PLACES_KEPT) this.#escapes.set(key, { kind, what, frames, count: 1 });
  }
}

function stackOfNow(): string {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = FRAMES;
  const { stack = '' } = new Error('escape');
  Error.stackTraceLimit = stackTraceLimit;
  return stack;
}

/** True if the nearest line that is neither Node's nor of this folder is the drain's. */
function isOfDrain(stack: string): boolean {
  const paths = stack
    .split('\n')
    .slice(1)
    .filter((line) => !line.includes('node:') && !line.includes('<anonymous>'))
    .map((line) => codePathOf(fileOfFrame(line)));
  return paths.find((path) => path?.startsWith('ambient/') !== true)?.startsWith('kernel/drain') === true;
}
