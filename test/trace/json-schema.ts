// The shapes of lines as a JSON Schema (draft 2020-12) for one line of a file: what docs/trace.schema.json holds.
import { FOOTER_SHAPE, HEADER_SHAPES, LINE_SHAPES } from '../../src/trace/file-shapes.ts';
import { COMMAND_SHAPE, RUN_STATUS_SHAPE, SERVICE_STATUS_SHAPE } from '../../src/trace/model-shapes.ts';
import {
  ANSWER_SHAPE,
  PROCESS_STATUS_SHAPE,
  RECORDED_FILER_SHAPE,
  RECORDED_COLLABORATOR_SHAPE,
  SETTINGS_SHAPE,
} from '../../src/trace/recording/step-shapes.ts';
import type { RecordShape, Shape } from '../../src/kernel/shape.ts';

type Schema = Readonly<Record<string, unknown>>;

const SHARED: ReadonlyMap<Shape, string> = new Map<Shape, string>([
  [COMMAND_SHAPE, 'command'],
  [RUN_STATUS_SHAPE, 'runStatus'],
  [SERVICE_STATUS_SHAPE, 'serviceStatus'],
  [SETTINGS_SHAPE, 'settings'],
  [RECORDED_FILER_SHAPE, 'filer'],
  [RECORDED_COLLABORATOR_SHAPE, 'collaborator'],
  [ANSWER_SHAPE, 'answer'],
  [PROCESS_STATUS_SHAPE, 'processStatus'],
]);

export function lineSchema(): Schema {
  const lines = new Map([...LINE_SHAPES.simulation, ...LINE_SHAPES.decisions, ...LINE_SHAPES.recording]);
  const definitions: (readonly [string, RecordShape])[] = [
    ...Object.entries(HEADER_SHAPES).map(([kind, shape]) => [`header of a ${kind}`, shape] as const),
    ...lines,
    ['end', FOOTER_SHAPE],
  ];
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'One line of a dryrunner file, version 2',
    description: 'See trace-format.md for what the lines mean and in which order they stand.',
    $defs: Object.fromEntries([...SHARED].map(([shape, name]) => [name, bodyOf(shape)])),
    oneOf: definitions.map(([title, shape]) => ({ title, ...schemaOf(shape) })),
  };
}

function schemaOf(shape: Shape): Schema {
  const name = SHARED.get(shape);
  return name === undefined ? bodyOf(shape) : { $ref: `#/$defs/${name}` };
}

function bodyOf(shape: Shape): Schema {
  switch (shape.is) {
    case 'text':
      return {
        type: 'string',
        ...(shape.pattern === undefined ? {} : { pattern: shape.pattern.source }),
        // JSON Schema knows no multiples of lengths, and a property has one pattern.
        ...(shape.lengthMultipleOf === undefined
          ? {}
          : { allOf: [{ pattern: `^(?:.{${shape.lengthMultipleOf}})*$` }] }),
      };
    case 'number':
      return {
        type: shape.whole ? 'integer' : 'number',
        ...(shape.min === undefined ? {} : { minimum: shape.min }),
        ...(shape.max === undefined ? {} : { maximum: shape.max }),
      };
    case 'choice':
      return { enum: shape.values };
    case 'boolean':
      return { type: 'boolean' };
    case 'list':
      return { type: 'array', items: schemaOf(shape.of) };
    case 'map':
      return { type: 'object', additionalProperties: schemaOf(shape.of) };
    case 'opaque':
      return { type: 'object' };
    case 'record':
      return recordSchema(shape);
    case 'methods':
    case 'such':
      throw new Error(`no file holds ${shape.says}`);
  }
}

function recordSchema({ fields, optional, exactlyOneOf }: RecordShape): Schema {
  return {
    type: 'object',
    properties: Object.fromEntries([...fields].map(([name, shape]) => [name, schemaOf(shape)])),
    required: [...fields.keys()].filter((name) => !optional.has(name)),
    additionalProperties: false,
    ...(exactlyOneOf === undefined ? {} : { oneOf: exactlyOneOf.map((name) => ({ required: [name] })) }),
  };
}
