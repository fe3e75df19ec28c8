/**
 * Little programs of awaits, ticks and timers, played on a real clock by a drain and on a model of the event loop that is simple
 * enough to be believed: ticks first, then promise reactions, until both are exhausted, then the next event.
 */
import fc from 'fast-check';
import type { VirtualClock } from '../../src/kernel/virtual-clock.ts';

/** How a node comes to run once its parent has. */
export type Way = 'reaction' | 'microtask' | 'tick' | 'timer' | 'post' | 'late';

export interface Node {
  readonly way: Way;
  /** Milliseconds of a timer, or promise reactions on the way to a `reaction`. */
  readonly amount: number;
  readonly children: readonly Node[];
}

const way = fc.constantFrom<Way>(
  'reaction',
  'reaction',
  'microtask',
  'tick',
  'tick',
  'timer',
  'post',
  'late',
);
const amount = fc.integer({ min: 0, max: 3 });

function nodes(depth: number): fc.Arbitrary<Node[]> {
  const children = depth === 0 ? fc.constant<Node[]>([]) : nodes(depth - 1);
  return fc.array(fc.record({ way, amount, children }), { maxLength: 4, size: 'max' });
}

export const programs: fc.Arbitrary<readonly Node[]> = nodes(4);

/** Gives every node the path of its place, such as `0.2.1`. */
type Visit = (path: string) => void;

/** Plays a program on `clock`; the driver of the clock does the rest. */
export function start(clock: VirtualClock, program: readonly Node[], visit: Visit): void {
  const run = (node: Node, path: string): void => {
    visit(path);
    node.children.forEach((child, i) => schedule(child, `${path}.${i}`));
  };
  const schedule = (node: Node, path: string): void => {
    const go = (): void => run(node, path);
    if (node.way === 'tick') process.nextTick(go);
    else if (node.way === 'microtask') queueMicrotask(go);
    else if (node.way === 'reaction') void afterReactions(node.amount, go);
    else if (node.way === 'timer') clock.timer(path, node.amount, go);
    else if (node.way === 'post') clock.post(path, go);
    else clock.endOfInstant(path, node.amount, go);
  };
  clock.post('start', () => program.forEach((node, i) => schedule(node, String(i))));
}

async function afterReactions(count: number, go: () => void): Promise<void> {
  for (let i = 0; i <= count; i++) await Promise.resolve();
  go();
}

interface ModelEvent {
  readonly timeMs: number;
  readonly late: boolean;
  readonly seq: number;
  readonly go: () => void;
}

/** The order in which the model visits the nodes. */
export function expectedOrder(program: readonly Node[]): string[] {
  const order: string[] = [];
  const ticks: (() => void)[] = [];
  const microtasks: (() => void)[] = [];
  let events: ModelEvent[] = [];
  let nowMs = 0;
  let seq = 0;
  const after = (count: number, go: () => void): void => {
    microtasks.push(count === 0 ? go : () => after(count - 1, go));
  };
  const at = (ms: number, late: boolean, go: () => void): void => {
    events.push({ timeMs: nowMs + ms, late, seq: ++seq, go });
  };
  const schedule = (node: Node, path: string): void => {
    const go = (): void => {
      order.push(path);
      node.children.forEach((child, i) => schedule(child, `${path}.${i}`));
    };
    if (node.way === 'tick') ticks.push(go);
    else if (node.way === 'microtask') microtasks.push(go);
    else if (node.way === 'reaction') after(node.amount, go);
    else at(node.way === 'post' ? 0 : node.amount, node.way === 'late', go);
  };
  at(0, false, () => program.forEach((node, i) => schedule(node, String(i))));
  for (;;) {
    for (;;) {
      const next = ticks.shift();
      if (next !== undefined) next();
      else if (microtasks.length === 0) break;
      else while (microtasks.length > 0) microtasks.shift()?.();
    }
    events.sort((a, b) => a.timeMs - b.timeMs || Number(a.late) - Number(b.late) || a.seq - b.seq);
    const [first] = events;
    if (first === undefined) return order;
    events = events.slice(1);
    nowMs = first.timeMs;
    first.go();
  }
}
