import { join } from 'node:path';
import { format } from 'prettier';
import { describe, expect, test } from 'vitest';
import { projectRoot, readProjectFile } from '../../scripts/module-graph.ts';
import { EVENT_SHAPES, FOOTER_SHAPE, HEADER_SHAPES } from '../../src/trace/file-shapes.ts';
import {
  COMMAND_SHAPE,
  DECISION_LINE_SHAPE,
  RUN_STATUS_SHAPE,
  SERVICE_STATUS_SHAPE,
} from '../../src/trace/model-shapes.ts';
import type { RecordShape, Shape } from '../../src/kernel/shape.ts';
import {
  ANSWER_SHAPE,
  PROCESS_STATUS_SHAPE,
  RECORDED_FILER_SHAPE,
  RECORDED_COLLABORATOR_SHAPE,
  SETTINGS_SHAPE,
  STEP_SHAPES,
} from '../../src/trace/recording/step-shapes.ts';
import { TRACE_VERSION } from '../../src/trace/trace-header.ts';
import type { TraceEntry } from '../../src/trace/trace-reader.ts';
import { openTrace } from '../../src/trace/trace-reader.ts';
import { createTraceWriter } from '../../src/trace/trace-writer.ts';
import { lineSchema } from './json-schema.ts';

const page = readProjectFile('docs/trace-format.md');
const sections = new Map(
  page
    .split(/^(?=##+ )/m)
    .slice(1)
    .map((section) => [/^##+ (.*)$/m.exec(section)?.[1]?.replaceAll('`', '') ?? '', section] as const),
);
const sectionOf = (title: string): string => sections.get(title) ?? `no section ${title}`;

/** The rows of the table of fields: name, type and meaning. */
function rowsOf(title: string): string[][] {
  return sectionOf(title)
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, name = '', type = '', meaning = '']) => [name.replaceAll('`', ''), type, meaning]);
}

/** What is said once for all events. */
const COMMON = ['at', 'type', 'runner'];

const tables: readonly (readonly [string, RecordShape, readonly string[]])[] = [
  ['end', FOOTER_SHAPE, []],
  ['decision', DECISION_LINE_SHAPE, []],
  ...Object.entries(STEP_SHAPES).map(([type, shape]) => [type, shape, COMMON] as const),
  ...Object.entries(EVENT_SHAPES).map(([type, shape]) => [type, shape, COMMON] as const),
  ['command', COMMAND_SHAPE, []],
  ['run status', RUN_STATUS_SHAPE, []],
  ['service status', SERVICE_STATUS_SHAPE, []],
  ['settings', SETTINGS_SHAPE, []],
  ['filer', RECORDED_FILER_SHAPE, []],
  ['collaborator', RECORDED_COLLABORATOR_SHAPE, []],
  ['answer', ANSWER_SHAPE, []],
  ['process status', PROCESS_STATUS_SHAPE, []],
];

function typeWord(shape: Shape): string {
  switch (shape.is) {
    case 'text':
      return shape.pattern === undefined || /base64/.test(shape.says)
        ? 'text'
        : `text of ${shape.says}`.replace('lower-case ', '');
    case 'number':
      return shape.whole ? (shape.min === undefined ? 'whole' : 'count') : 'number';
    case 'boolean':
      return 'true or false';
    case 'list':
      return 'list of';
    case 'map':
      return 'map';
    case 'opaque':
      return 'object';
    case 'choice':
    case 'record':
    case 'methods':
    case 'such':
      return '';
  }
}

describe('docs/trace-format.md', () => {
  test.for(tables)('lists the fields of %s in their order, with their types', ([title, shape, common]) => {
    const documented = rowsOf(title);
    const fields = [...shape.fields].filter(([name]) => !common.includes(name));
    expect(documented.map(([name]) => name)).toEqual(fields.map(([name]) => name));
    for (const [index, [name, field]] of fields.entries()) {
      const [, type = ''] = documented[index] ?? [];
      expect(type.endsWith(', optional'), `${title}.${name}`).toBe(shape.optional.has(name));
      expect(type.startsWith(typeWord(field)), `${title}.${name}: ${type}`).toBe(true);
      const values = field.is === 'choice' && !/^(a state|as in)/.test(type) ? field.values : [];
      expect(
        [...type.matchAll(/`(\w+)`/g)]
          .map(([, value]) => value)
          .filter((value) => !['acquired', 'asked', 'n'].includes(value ?? '')),
      ).toEqual(values);
      if (name.endsWith('Ms') || name === 'at') expect(documented[index]?.[2]).toContain('milliseconds');
    }
  });

  test('lists the fields of first lines, the states, and the fields of every event', () => {
    const header = new Set(Object.values(HEADER_SHAPES).flatMap(({ fields }) => [...fields.keys()]));
    expect(new Set(rowsOf('First line').map(([name]) => name))).toEqual(header);
    for (const [kind, { fields }] of Object.entries(HEADER_SHAPES)) {
      const absent = kind === 'recording' ? 'not in recordings' : 'recordings only';
      const here = rowsOf('First line').filter(([, , meaning]) => !meaning?.includes(absent));
      expect(here.map(([name]) => name)).toEqual([...fields.keys()]);
    }
    const state = RUN_STATUS_SHAPE.fields.get('state');
    const states = [
      ...sectionOf('run status')
        .slice(0, 300)
        .matchAll(/`([A-Z]+)`/g),
    ].map(([, name]) => name);
    expect(states).toEqual(state?.is === 'choice' ? state.values : []);
    expect(rowsOf('Events').map(([name]) => name)).toEqual(COMMON);
    expect(page).toContain(`# The trace format, version ${TRACE_VERSION}\n`);
  });

  test('lists every problem that a reader can report', () => {
    const named = readProjectFile('src/trace/trace-format-error.ts').matchAll(/^ {2}\| '([a-z-]+)'/gm);
    expect(rowsOf('What readers refuse').map(([problem]) => problem)).toEqual(
      [...named].map(([, problem]) => problem),
    );
  });

  test('R209 its examples are whole files, byte for byte as written, with a line of every type', async () => {
    const examples = [...page.matchAll(/^```jsonl\n([^]*?)^```$/gm)].map(([, text = '']) => text);
    const seen = new Set<string>();
    for (const example of examples) {
      const trace = await openTrace(example);
      const writer = createTraceWriter(trace.header);
      let text = writer.header();
      for await (const entry of trace) text += rewritten(writer, entry, seen);
      expect(text + writer.end()).toBe(example);
    }
    expect(examples).toHaveLength(3);
    expect(seen).toEqual(new Set(['decision', ...Object.keys(STEP_SHAPES), ...Object.keys(EVENT_SHAPES)]));
  });
});

function typeOf(entry: TraceEntry): string {
  if (entry.type === 'event') return entry.event.type;
  return entry.type === 'step' ? entry.step.type : entry.type;
}

function rewritten(
  writer: ReturnType<typeof createTraceWriter>,
  entry: TraceEntry,
  seen: Set<string>,
): string {
  seen.add(typeOf(entry));
  switch (entry.type) {
    case 'event':
      return writer.event(entry.event);
    case 'decision':
      return writer.decision(entry.decision);
    case 'step':
      return writer.step(entry.step);
  }
}

test.for<[text: string, isBase64: boolean]>([
  ['', true],
  ['AA==', true],
  ['AAA=', true],
  ['AAAAAAAA', true],
  ['A', false],
  ['AAAAA', false],
  ['AA=', false],
  ['A===A', false],
  ['AA=A', false],
  ['AA-=', false],
])('docs/trace.schema.json and the writer agree on %j as the bytes of a chunk', ([base64, isBase64]) => {
  const { oneOf } = JSON.parse(readProjectFile('docs/trace.schema.json')) as {
    readonly oneOf: readonly {
      readonly title: string;
      readonly properties: Readonly<
        Record<string, { readonly pattern: string; readonly allOf: readonly { readonly pattern: string }[] }>
      >;
    }[];
  };
  const field = oneOf.find(({ title }) => title === 'output')?.properties['base64'];
  const patterns = [field?.pattern ?? '', ...(field?.allOf ?? []).map(({ pattern }) => pattern)];
  expect(patterns.every((pattern) => new RegExp(pattern, 'u').test(base64))).toBe(isBase64);
  const step = {
    at: 1,
    runner: 'exec',
    type: 'output',
    runId: '0',
    stream: 'stdout',
    afterMs: 1,
    base64,
  } as const;
  const writer = createTraceWriter({ kind: 'recording' });
  writer.header();
  const write = (): string => writer.step(step);
  if (isBase64) expect(write()).toContain(`"base64":"${base64}"`);
  else expect(write).toThrow('step.base64: expected base64 text');
});

test('docs/trace.schema.json agrees with the shapes', async () => {
  const text = await format(JSON.stringify(lineSchema()), { parser: 'json', printWidth: 110 });
  await expect(text).toMatchFileSnapshot(join(projectRoot, 'docs', 'trace.schema.json'));
});
