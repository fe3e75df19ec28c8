/**
 * Why a history is not linearizable, as data and for people: the few operations that no order explains. Invariant: it is a contradiction of the whole
 * history, because what is left out is not taken as missing but as free: it may have happened at any time, with any reply, or never.
 * Only what the model's partition puts into other parts is left out for good, because by its replies it has nothing to do with these.
 */
import { type HistoryOperation, isBefore } from './history.ts';
import { checkRecord } from '../../kernel/argument-check.ts';

/** An operation of a contradiction, with its texts. */
export interface ContradictingOperation<O, R> {
  readonly client: string;
  /** The call, as the model shows it. */
  readonly call: string;
  /** The reply, as the model shows it: empty if it says nothing, `?` if it had not come. */
  readonly reply: string;
  /** The operation with its interval. What had not returned when the contradiction was complete is open here. */
  readonly operation: HistoryOperation<O, R>;
}

/** Operations whose replies and real-time order cannot all be true. */
export interface Contradiction<O, R> {
  /** What is wrong, in one sentence. */
  readonly sentence: string;
  /** In the order in which they began. */
  readonly operations: readonly ContradictingOperation<O, R>[];
  /** How many other operations the history has. */
  readonly leftOutCount: number;
  /**
   * True if each operation is needed: with any one of them free, there is an order. False if the search for a smaller contradiction
   * came to its bound.
   */
  readonly isMinimal: boolean;
}

/** So many operations are shown on either side of the reply; of more only the latest. */
const TOLD_MAX = 4;

type Told = ContradictingOperation<unknown, unknown>;

/**
 * What is wrong with operations that contradict each other, given in the order in which they began: the last reply, after what came before it.
 * It stays short, also where a contradiction could not be made small.
 */
export function contradictionSentence(operations: readonly Told[]): string {
  const returned = operations.filter(({ operation }) => operation.outcome === 'returned');
  const subject = returned.reduce<Told | undefined>(
    (last, told) =>
      last === undefined || told.operation.respondedAt > last.operation.respondedAt ? told : last,
    undefined,
  );
  if (subject === undefined) return 'the operations contradict the model’s initial state';
  const others = operations.filter((told) => told !== subject);
  const earlier = others.filter(({ operation }) => isBefore(operation, subject.operation));
  const meanwhile = others.filter((told) => !earlier.includes(told));
  const main = `${callBy(subject)} ${subject.reply === '' ? 'returned' : `said ${subject.reply}`}`;
  if (others.length === 0) return `${main}, which nothing that came before explains`;
  const untold = others.length - Math.min(earlier.length, TOLD_MAX) - Math.min(meanwhile.length, TOLD_MAX);
  const more = untold === 0 ? '' : `, and ${untold} more`;
  return [main, after(earlier.slice(-TOLD_MAX)), ...meanwhile.slice(-TOLD_MAX).map(during), more].join('');
}

function after(earlier: readonly Told[]): string {
  return earlier
    .map((told, index) => {
      const last = earlier[index - 1];
      if (last === undefined) return ` after ${ended(told)}`;
      return `${isBefore(last.operation, told.operation) ? ', then' : ' and'} ${ended(told)}`;
    })
    .join('');
}

function during(told: Told): string {
  if (told.operation.outcome === 'open') return `, while ${callBy(told)} had not returned`;
  return `, while ${callBy(told)} ${told.reply === '' ? 'went on' : `said ${told.reply}`}`;
}

function ended(told: Told): string {
  return `${callBy(told)} had ${told.reply === '' ? 'returned' : `said ${told.reply} and returned`}`;
}

function callBy({ call, client }: Told): string {
  return `${call} by ${client}`;
}

/** An operation and the columns it takes; `end` is undefined if it is open. */
interface Bar {
  readonly told: Told;
  readonly begin: number;
  readonly end: number | undefined;
}

/**
 * Renders a contradiction: what is wrong, a time line per client, and the intervals. Columns are events in order and not times, so that two
 * operations overlap in the picture just if they overlapped.
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
  checkRecord('contradiction', 'the contradiction of a history', contradiction);
  checkRecord('contradiction.operations', 'a list of operations', contradiction.operations);
  const { sentence, operations, leftOutCount, isMinimal } = contradiction;
  const remarks = [
    ...(leftOutCount === 0
      ? []
      : [`No order of these and the other ${count(leftOutCount)} explains these replies.`]),
    ...(isMinimal ? [] : ['There may be a smaller contradiction: the search for it came to its bound.']),
  ];
  const parts = [[sentence], timeLines(operations), intervals(operations), remarks];
  return parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function count(operations: number): string {
  return operations === 1 ? 'operation' : `${operations} operations`;
}

function timeLines(operations: readonly Told[]): string[] {
  const bars = placeBars(operations);
  const rows: Bar[][] = [];
  for (const bar of bars) {
    const row = rows.find((others) => canFollow(others.at(-1), bar));
    if (row === undefined) rows.push([bar]);
    else row.push(bar);
  }
  const names = widthOf(operations.map(({ client }) => client));
  const edge = Math.max(0, ...bars.map(({ begin, end, told }) => end ?? begin + widthOfBar(told) - 1));
  return rows
    .toSorted((a, b) => operations.findIndex(isOf(a)) - operations.findIndex(isOf(b)))
    .map((row) => `${(row[0]?.told.client ?? '').padEnd(names)}  ${drawRow(row, edge)}`);
}

function isOf(row: readonly Bar[]): (told: Told) => boolean {
  return ({ client }) => client === row[0]?.told.client;
}

function canFollow(last: Bar | undefined, bar: Bar): boolean {
  return last?.told.client === bar.told.client && last.end !== undefined && last.end < bar.begin;
}

/** Goes through the events in order: each gets a column of its own, far enough to the right for the label that ends there. */
function placeBars(operations: readonly Told[]): Bar[] {
  const begins = new Map<Told, number>();
  const ends = new Map<Told, number>();
  const events = operations.flatMap((told) => [
    { at: told.operation.invokedAt, told, isEnd: false },
    { at: told.operation.respondedAt, told, isEnd: true },
  ]);
  let column = -2;
  for (const { at, told, isEnd } of events.toSorted((a, b) => (a.at === b.at ? 0 : a.at - b.at))) {
    if (at === Infinity) continue;
    const own = isEnd ? (begins.get(told) ?? 0) + widthOfBar(told) - 1 : 0;
    column = Math.max(column + 2, own);
    (isEnd ? ends : begins).set(told, column);
  }
  return operations.map((told) => ({ told, begin: begins.get(told) ?? 0, end: ends.get(told) }));
}

function labelOf({ call, reply }: Told): string {
  return reply === '' ? call : `${call} → ${reply}`;
}

function widthOfBar(told: Told): number {
  return `|--- ${labelOf(told)} ---|`.length;
}

function drawRow(row: readonly Bar[], edge: number): string {
  let line = '';
  for (const { told, begin, end } of row) {
    const width = (end ?? edge) + 1 - begin;
    const body = `|--- ${labelOf(told)} `.padEnd(width - 1, '-');
    line = `${line.padEnd(begin)}${body}${end === undefined ? '-' : '|'}`;
  }
  return line;
}

function intervals(operations: readonly Told[]): string[] {
  const names = widthOf(operations.map(({ client }) => client));
  const labels = widthOf(operations.map(labelOf));
  return operations.map((told) => {
    const { invokedAtMs, respondedAtMs } = told.operation;
    const until = respondedAtMs === Infinity ? 'on' : `to ${respondedAtMs} ms`;
    const from = respondedAtMs === Infinity ? `from ${invokedAtMs} ms` : `${invokedAtMs}`;
    return `${told.client.padEnd(names)}  ${labelOf(told).padEnd(labels)}  ${from} ${until}`;
  });
}

function widthOf(texts: readonly string[]): number {
  return Math.max(0, ...texts.map(({ length }) => length));
}
