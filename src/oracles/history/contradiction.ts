/**
 * Why a history is not linearizable, as data and as text: the few operations that no order explains. Invariant: they
 * contradict each other within the whole history, because operations left out count not as absent but as free: they may
 * have happened at any time, with any reply, or never. Only operations that the model's partition puts into other parts
 * are ignored, as their replies say nothing about these.
 */
import * as is from '../../kernel/shape.ts';
import { padded, widthOf } from '../../kernel/text-width.ts';
import { type HistoryOperation, isBefore } from './history.ts';
import { check } from '../../kernel/argument-check.ts';

/** An operation of a contradiction, and how to show it. */
export interface ContradictingOperation<O, R> {
  readonly client: string;
  /** The call, as the model shows it. */
  readonly call: string;
  /** The reply, as the model shows it: empty if it carries no information, `?` if it had not come. */
  readonly reply: string;
  /**
   * The operation with its interval. An operation that had not returned when the contradiction was complete is open
   * here.
   */
  readonly operation: HistoryOperation<O, R>;
}

/** Operations whose replies and real-time order cannot all be true. */
export interface Contradiction<O, R> {
  /** What is wrong, in one sentence. */
  readonly sentence: string;
  /** In the order of their invocations. */
  readonly operations: readonly ContradictingOperation<O, R>[];
  /**
   * Orders of these operations that are consistent with real time, at most four: how far the model follows each, and
   * which reply it expects instead. Empty for a model that does not say what it expects.
   */
  readonly orders: readonly string[];
  /** How many other operations the history has. */
  readonly leftOutCount: number;
  /**
   * True if each operation is needed: if any one of them is freed, some order explains the rest. False if the search
   * for a smaller contradiction reached its bound.
   */
  readonly isMinimal: boolean;
}

const CONTRADICTION = is.objectOf<Contradiction<unknown, unknown>>(
  'the contradiction of a history',
  {
    sentence: is.TEXT,
    operations: is.listOf(is.OPAQUE, 'a list of operations'),
    orders: is.listOf(is.TEXT),
    leftOutCount: is.COUNT,
    isMinimal: is.BOOLEAN,
  },
  {},
);

/** How many operations are shown on either side of the reply; of more, only the latest. */
const SHOWN_MAX = 4;

type Entry = ContradictingOperation<unknown, unknown>;

/**
 * Describes a contradiction in a sentence: the last reply, after what came before it. `operations` are in the order of
 * their invocations. The sentence is short even if the contradiction could not be shrunk.
 */
export function contradictionSentence(operations: readonly Entry[]): string {
  const returned = operations.filter(({ operation }) => operation.outcome === 'returned');
  const subject = returned.reduce<Entry | undefined>(
    (last, entry) =>
      last === undefined || entry.operation.respondedAt > last.operation.respondedAt ? entry : last,
    undefined,
  );
  if (subject === undefined) return 'the operations contradict the model’s initial state';
  const others = operations.filter((entry) => entry !== subject);
  const earlier = others.filter(({ operation }) => isBefore(operation, subject.operation));
  const meanwhile = others.filter((entry) => !earlier.includes(entry));
  const main = `${callBy(subject)} ${subject.reply === '' ? 'returned' : `said ${subject.reply}`}`;
  if (others.length === 0) return `${main}, which nothing that came before explains`;
  const unshown = others.length - Math.min(earlier.length, SHOWN_MAX) - Math.min(meanwhile.length, SHOWN_MAX);
  const more = unshown === 0 ? '' : `, and ${unshown} more`;
  return [main, after(earlier.slice(-SHOWN_MAX)), ...meanwhile.slice(-SHOWN_MAX).map(during), more].join('');
}

function after(earlier: readonly Entry[]): string {
  return earlier
    .map((entry, index) => {
      const last = earlier[index - 1];
      if (last === undefined) return ` after ${ended(entry)}`;
      return `${isBefore(last.operation, entry.operation) ? ', then' : ' and'} ${ended(entry)}`;
    })
    .join('');
}

function during(entry: Entry): string {
  if (entry.operation.outcome === 'open') return `, while ${callBy(entry)} had not returned`;
  return `, while ${callBy(entry)} ${entry.reply === '' ? 'went on' : `said ${entry.reply}`}`;
}

function ended(entry: Entry): string {
  return `${callBy(entry)} had ${entry.reply === '' ? 'returned' : `said ${entry.reply} and returned`}`;
}

function callBy({ call, client }: Entry): string {
  return `${call} by ${client}`;
}

/** An operation and its columns in the picture; `end` is undefined if it is open. */
interface Bar {
  readonly entry: Entry;
  readonly begin: number;
  readonly end: number | undefined;
}

/**
 * Renders a contradiction: a sentence, a time line per client, and the intervals. Columns are events in order, not
 * times, so two operations overlap in the picture exactly if they overlapped.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a contradiction.
 * @example
 * ```ts
 * import { checkLinearizable, createHistory, formatContradiction, registerModel } from 'dryrunner';
 * import { createVirtualClock } from 'dryrunner/kernel';
 * import type { RegisterCall } from 'dryrunner';
 * const history = createHistory<RegisterCall<number>, number | boolean | undefined>(createVirtualClock());
 * await history.call('a', { kind: 'write', value: 1 }, async () => undefined);
 * await history.call('b', { kind: 'read' }, async () => 0);
 * const result = checkLinearizable(history, registerModel(0));
 * if (result.linearizable !== false) throw new Error('the read is stale');
 * const text = formatContradiction(result.contradiction);
 * if (!text.startsWith('read by b said 0 after write(1) by a had returned\n')) throw new Error(text);
 * ```
 */
export function formatContradiction(contradiction: Contradiction<unknown, unknown>): string {
  check('contradiction', contradiction, CONTRADICTION);
  const { sentence, operations, orders, leftOutCount, isMinimal } = contradiction;
  const remarks = [
    ...(leftOutCount === 0
      ? []
      : [`No order of these and the other ${count(leftOutCount)} explains these replies.`]),
    ...(isMinimal ? [] : ['There may be a smaller contradiction: the search for it came to its bound.']),
  ];
  const expected =
    orders.length === 0 ? [] : ['What the model expects, by the orders that the times allow:', ...orders];
  const parts = [[sentence], timeLines(operations), intervals(operations), expected, remarks];
  return parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function count(operations: number): string {
  return operations === 1 ? 'operation' : `${operations} operations`;
}

function timeLines(operations: readonly Entry[]): string[] {
  const bars = placeBars(operations);
  const rows: Bar[][] = [];
  for (const bar of bars) {
    const row = rows.find((others) => canFollow(others.at(-1), bar));
    if (row === undefined) rows.push([bar]);
    else row.push(bar);
  }
  const names = widest(operations.map(({ client }) => client));
  const edge = Math.max(0, ...bars.map(({ begin, end, entry }) => end ?? begin + widthOfBar(entry) - 1));
  return rows
    .toSorted((a, b) => operations.findIndex(isOf(a)) - operations.findIndex(isOf(b)))
    .map((row) => `${padded(row[0]?.entry.client ?? '', names)}  ${drawRow(row, edge)}`);
}

function isOf(row: readonly Bar[]): (entry: Entry) => boolean {
  return ({ client }) => client === row[0]?.entry.client;
}

function canFollow(last: Bar | undefined, bar: Bar): boolean {
  return last?.entry.client === bar.entry.client && last.end !== undefined && last.end < bar.begin;
}

/** Gives each event, in order, a column of its own, far enough to the right for the label that ends there. */
function placeBars(operations: readonly Entry[]): Bar[] {
  const begins = new Map<Entry, number>();
  const ends = new Map<Entry, number>();
  const events = operations.flatMap((entry) => [
    { at: entry.operation.invokedAt, entry, isEnd: false },
    { at: entry.operation.respondedAt, entry, isEnd: true },
  ]);
  let column = -2;
  for (const { at, entry, isEnd } of events.toSorted((a, b) => (a.at === b.at ? 0 : a.at - b.at))) {
    if (at === Infinity) continue;
    const own = isEnd ? (begins.get(entry) ?? 0) + widthOfBar(entry) - 1 : 0;
    column = Math.max(column + 2, own);
    (isEnd ? ends : begins).set(entry, column);
  }
  return operations.map((entry) => ({ entry, begin: begins.get(entry) ?? 0, end: ends.get(entry) }));
}

function labelOf({ call, reply }: Entry): string {
  return reply === '' ? call : `${call} → ${reply}`;
}

function widthOfBar(entry: Entry): number {
  return widthOf(`|--- ${labelOf(entry)} ---|`);
}

function drawRow(row: readonly Bar[], edge: number): string {
  let line = '';
  for (const { entry, begin, end } of row) {
    const width = (end ?? edge) + 1 - begin;
    const body = padded(`|--- ${labelOf(entry)} `, width - 1, '-');
    line = `${padded(line, begin)}${body}${end === undefined ? '-' : '|'}`;
  }
  return line;
}

function intervals(operations: readonly Entry[]): string[] {
  const names = widest(operations.map(({ client }) => client));
  const labels = widest(operations.map(labelOf));
  return operations.map((entry) => {
    const { invokedAtMs, respondedAtMs } = entry.operation;
    const until = respondedAtMs === Infinity ? 'on' : `to ${respondedAtMs} ms`;
    const from = respondedAtMs === Infinity ? `from ${invokedAtMs} ms` : `${invokedAtMs}`;
    return `${padded(entry.client, names)}  ${padded(labelOf(entry), labels)}  ${from} ${until}`;
  });
}

function widest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map(widthOf));
}
