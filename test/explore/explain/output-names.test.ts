// What is said of the output behind a digest, in executions with several runs and outputs.
import { expect, test } from 'vitest';
import { digestOf } from '../../../src/cas/digest-of.ts';
import { OutputNames } from '../../../src/explore/explain/output-names.ts';
import { shortHash } from '../../../src/model/digest.ts';
import { REMOTE_SERVER } from '../../../src/model/message-text.ts';
import type { TraceEvent } from '../../../src/model/trace-event.ts';

const bytes = (text: string) => digestOf(new TextEncoder().encode(text));
const [a, empty] = ['A', ''].map((text) => shortHash(bytes(text)));

/** The end of a run whose output files have the contents of `files`. */
function ended(runner: string, runId: string, files: Readonly<Record<string, string>>): TraceEvent {
  const outputFiles = Object.entries(files).map(([path, text]) => ({ path, digest: bytes(text) }));
  const result = { outputFiles, outputDirectories: [], outputSymlinks: [] };
  return { type: 'status', runner, status: { runId, actionResult: { result } } } as unknown as TraceEvent;
}

function called(runner: string): TraceEvent {
  return { type: 'message', runner, to: REMOTE_SERVER } as unknown as TraceEvent;
}

const namesOf = (...events: TraceEvent[]): OutputNames => new OutputNames(events.map((event) => ({ event })));
const read = (names: OutputNames, end = ''): string => names.added(`Read(blob ${a})${end}`);

test.for<[what: string, name: string, events: TraceEvent[]]>([
  ['one output', 'out.txt of run 0 of lane', [ended('lane', '0', { 'out.txt': 'A' })]],
  [
    'the same output of two runs',
    'out.txt of 2 runs',
    [ended('lane', '0', { 'out.txt': 'A' }), ended('lane', '1', { 'out.txt': 'A' })],
  ],
  [
    'outputs of two runs',
    'an output of 2 runs',
    [ended('lane', '0', { 'first.txt': 'A' }), ended('lane', '1', { 'second.txt': 'A' })],
  ],
  [
    'two outputs of a run',
    'an output of run 0 of lane',
    [ended('lane', '0', { 'first.txt': 'A', 'second.txt': 'A' })],
  ],
  [
    'an output that a run has in two statuses',
    'out.txt of run 0 of lane',
    [ended('lane', '0', { 'out.txt': 'A' }), ended('lane', '0', { 'out.txt': 'A' })],
  ],
  [
    'an output of a client and its worker',
    'out.txt of run 0 of lane',
    [ended('worker', '7', { 'out.txt': 'A' }), called('lane'), ended('lane', '0', { 'out.txt': 'A' })],
  ],
])('a digest of %s is named after what those have in common: %s', ([, name, events]) => {
  expect(read(namesOf(...events))).toBe(`Read(blob ${a}, ${name})`);
});

test('a digest in a line about a run has the path of that run', () => {
  const names = namesOf(ended('lane', '0', { 'first.txt': 'A' }), ended('lane', '1', { 'second.txt': 'A' }));
  expect(read(names, ' for run 1 of lane.')).toBe(`Read(blob ${a}, second.txt) for run 1 of lane.`);
});

test.for(['lane-12', 'lane-1-b', 'lane-1.5'])('a line about a run of %s names none of lane-1', (other) => {
  const names = namesOf(ended('lane-1', '0', { 'out.txt': 'A' }));
  const end = ` for run 0 of ${other}`;
  expect(read(names, end)).toBe(`Read(blob ${a}, out.txt of run 0 of lane-1)${end}`);
});

test('an empty blob has no name: nearly every run has an empty output', () => {
  const names = namesOf(ended('lane', '0', { stdout: '', 'out.txt': 'A' }));
  expect(names.added(`Read(blob ${empty})`)).toBe(`Read(blob ${empty})`);
});
