import { describe, expect, test } from 'vitest';
import * as checkDoor from '../../src/check/index.ts';
import * as conformanceDoor from '../../src/conformance/index.ts';
import * as hostDoor from '../../src/host/index.ts';
import * as mainDoor from './own-doors.ts';
import { isRunnerError } from '../../src/kernel/errors.ts';
import * as traceDoor from '../../src/trace/index.ts';

type Call = (...given: readonly unknown[]) => unknown;

/** Serves as an id and as a path at which nothing can be made. */
const NOWHERE = '/proc/no/such/0';

const WRONG: readonly (readonly unknown[])[] = [
  [],
  [null],
  [undefined, null],
  [null, null],
  [{}, null],
  [5],
  ['text'],
  [{}],
  [[]],
  [() => undefined],
  [['text'], null],
  [NOWHERE, null],
  [NOWHERE, {}, null],
  [NOWHERE, 'PENDING', null],
];

const DOORS: readonly (readonly [string, object])[] = [
  ['dryrunner', mainDoor],
  ['dryrunner/trace', traceDoor],
  ['dryrunner/check', checkDoor],
  ['dryrunner/host', hostDoor],
  ['dryrunner/conformance', conformanceDoor],
];

/** Classes are left to the functions that make their objects. */
function isClass(value: Call): boolean {
  return Function.prototype.toString.call(value).startsWith('class');
}

function functionsOf(door: object): [string, Call][] {
  // What `invariant` throws for a condition that does not hold is no refusal of an argument.
  return (Object.entries(door) as [string, Call][]).filter(
    ([name, value]) => name !== 'invariant' && typeof value === 'function' && !isClass(value),
  );
}

test("the tables below cover the doors' exports", () => {
  const counts = DOORS.map(([, door]) => functionsOf(door).length);
  expect(counts.every((count) => count > 1)).toBe(true);
  expect(counts.reduce((sum, count) => sum + count)).toBeGreaterThan(130);
});

describe.each(DOORS)(
  '%s: wrong use throws or rejects with a typed error, and with nothing else',
  (_, door) => {
    const functions = functionsOf(door);

    test.for(functions)('%s', async ([, call]) => {
      for (const given of WRONG) {
        try {
          await used(call(...given));
        } catch (error) {
          refuse(error);
        }
      }
    });
  },
);

test.for([
  ['tagsOf', () => mainDoor.tagsOf(null as never), /^command: expected an object with argv, got null/],
  ['pendingStatus', () => mainDoor.pendingStatus('0', null as never), /^tags: expected an object with jobId/],
  ['makeRunStatus', () => (mainDoor.makeRunStatus as Call)('0', 'PENDING', {}, null, {}), /^refs: expected /],
  ['makeRunStatus', () => (mainDoor.makeRunStatus as Call)('0', 'PENDING', {}, {}, 5), /^outcome: expected /],
  ['isCancelled', () => mainDoor.isCancelled({} as never), /^cancel\.signal: expected an AbortSignal/],
  ['simScript', () => mainDoor.simScript({ op: 'jump' } as never), /^step\.op: .* got "jump"/],
  ['matchesQuery', () => mainDoor.matchesQuery({} as never, {} as never), /^query\.states: expected a mask/],
  ['diffEvents', () => traceDoor.diffEvents([], 5 as never), /^second: expected a list, got 5/],
  ['simulationProperty', () => checkDoor.simulationProperty([5] as never, () => {}), /^arbitraries\[0\]: /],
  ['createExecRunner', () => hostDoor.createExecRunner(null as never), /^options: expected an object/],
] as const)('%s says what was expected and what came', ([, call, message]) => {
  expect(call).toThrow(message);
});

/** Looks into what a call gave, since a generator runs only then, and gives back what it holds of the machine. */
async function used(result: unknown): Promise<void> {
  const value = (await result) as Partial<AsyncGenerator & { close(): Promise<void> }> | null | undefined;
  if (typeof value !== 'object' || value === null) return;
  if (typeof value.next === 'function') await value.next();
  if (typeof value.close === 'function') await value.close();
}

function refuse(error: unknown): void {
  // A path that leads nowhere is no wrong use: `dirSizeKb` passes on what the machine says.
  if (error instanceof Error && 'syscall' in error) return;
  if (!isRunnerError(error)) throw error;
  expect(error.code).toMatch(
    /^RUNNER_(INVALID_ARGUMENT|EXEC_FAILED|OUTPUT_FAILED|SIMULATION_MISUSE|TRACE_FORMAT)$/,
  );
  expect(error.message).not.toBe('');
}
