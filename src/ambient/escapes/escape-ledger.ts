/**
 * Counts escapes by their places. Invariant: turns of the event loop that the drain itself takes are not counted, nor is
 * the loading of a module. They are recognized by the caller, not by the kind of resource.
 */
import type { Escape, EscapeKind } from '../../explore/escape.ts';
import { framesOf } from '../../explore/explain/source-place.ts';
import { setStackLimit } from '../../kernel/drain-stack-limit.ts';
import { stackOf } from '../../kernel/errors.ts';
import { codePathOf } from '../../kernel/package-files.ts';
import { fileOfLine } from '../../kernel/stack-line.ts';
import { isTool } from '../calling-code.ts';
import { hub } from '../hub.ts';

interface CountedEscape extends Escape {
  count: number;
}

const PLACES_KEPT = 100;
const FRAMES = 60;

/** See the top of the file. */
export class EscapeLedger {
  readonly #escapes = new Map<string, CountedEscape>();
  /**
   * Kinds that have a known place in this execution. A further escape of such a kind without a place is taken as a
   * consequence.
   */
  readonly #placed = new Set<EscapeKind>();
  #isLooking = false;

  /** Clears what is remembered for one execution. */
  beginExecution(): void {
    this.#placed.clear();
  }

  /** Counts an escape that is happening now, at the place in the current stack. */
  note(kind: EscapeKind, what: string): void {
    // Capturing a stack may itself call a watched function.
    if (this.#isLooking || hub.isReplacing === true) return;
    this.#isLooking = true;
    try {
      const stack = stackOfNow();
      if (!isOfDrain(stack) && !isOfLoader(stack)) this.#count(kind, what, framesOf(stack));
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
  const restore = setStackLimit(FRAMES);
  const taken = new Error('escape');
  restore();
  return stackOf(taken) ?? '';
}

/** The stand-ins for timers and immediates, which pass calls of others on to the machine. */
const HANDED_ON = /\bat (?:\S+\.)?set(?:Timeout|Interval|Immediate) \(/;

/** True if the nearest frame that is neither Node's nor from this folder belongs to the drain. */
function isOfDrain(stack: string): boolean {
  const isOfFolder = (path: string | undefined): boolean => path?.startsWith('ambient/') === true;
  const asked = stack
    .split('\n')
    .filter((line) => !HANDED_ON.test(line))
    .join('\n');
  return (
    pathsIn(asked)
      .find((path) => !isOfFolder(path))
      ?.startsWith('kernel/drain') === true
  );
}

/**
 * True if Node or a tool that loads code for it made the call: what they read of a module depends on nothing that a
 * simulation decides. A call of the module's own code is the module's.
 */
function isOfLoader(stack: string): boolean {
  const lines = stack.split('\n').slice(1);
  const isLoading = (line: string): boolean => LOADS.test(line) || isTool(fileOfLine(line));
  const isOfFolder = (line: string): boolean => codePathOf(fileOfLine(line))?.startsWith('ambient/') === true;
  const caller = lines.find((line) => isLoading(line) || !(line.includes('node:') || isOfFolder(line)));
  return caller !== undefined && isLoading(caller);
}

const LOADS = /\bnode:internal\/modules\//;

/** Paths of this package's files in a stack; undefined for a frame from elsewhere. */
function pathsIn(stack: string): (string | undefined)[] {
  return stack
    .split('\n')
    .slice(1)
    .filter((line) => !line.includes('node:') && !line.includes('<anonymous>'))
    .map((line) => codePathOf(fileOfLine(line)));
}
