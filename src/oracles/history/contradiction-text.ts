/**
 * Shows a contradiction to people: the sentence, a time line per client, and the intervals. Invariant: columns are events in order and
 * not times, so that two operations overlap in the picture just if they overlapped.
 */
import { checkRecord } from '../../kernel/argument-check.ts';
import type { ContradictingOperation, Contradiction } from './contradiction.ts';

type Told = ContradictingOperation<unknown, unknown>;

/** An operation and the columns it takes; `end` is undefined if it is open. */
interface Bar {
  readonly told: Told;
  readonly begin: number;
  readonly end: number | undefined;
}

/**
 * Renders a contradiction: what is wrong, who did what when, and how much was left out.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for what is no contradiction.
 * @example
 * ```ts
 * import { checkLinearizable, createHistory, createVirtualClock, formatContradiction, registerModel } from 'dryrunner';
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
