// Arbitrary recordings and decisions, as the format holds them: made from the shapes, so that a new field is covered at once.
import fc from 'fast-check';
import type { Decision } from '../../src/kernel/decisions.ts';
import type { RecordedEntry, Recording } from '../../src/model/recording.ts';
import { EVENT_SHAPES } from '../../src/trace/file-shapes.ts';
import type { RecordShape, Shape } from '../../src/kernel/shape.ts';
import { STEP_SHAPES } from '../../src/trace/recording/step-shapes.ts';
import { choice } from '../questions.ts';

function valueOf(shape: Shape): fc.Arbitrary<unknown> {
  switch (shape.is) {
    case 'text':
      return shape.pattern === undefined
        ? fc.string({ unit: 'binary', maxLength: 5 })
        : fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes).toString('base64'));
    case 'number':
      return shape.whole
        ? fc.integer({ min: shape.min ?? -1000, max: Math.min(shape.max ?? 1e9, 1e9) })
        : fc.nat(2_000_000_000).map((us) => us / 1000);
    case 'choice':
      return fc.constantFrom(...shape.values);
    case 'boolean':
      return fc.boolean();
    case 'list':
      return fc.array(valueOf(shape.of), { maxLength: 2 });
    case 'map':
      return fc.dictionary(fc.string({ maxLength: 3 }), valueOf(shape.of), { maxKeys: 2 });
    case 'opaque':
      return fc.constant({});
    case 'record':
      return recordOf(shape);
    case 'methods':
    case 'such':
      throw new Error(`no file holds ${shape.says}`);
  }
}

function recordOf({ fields, optional, exactlyOneOf = [] }: RecordShape): fc.Arbitrary<object> {
  const model = Object.fromEntries([...fields].map(([name, shape]) => [name, valueOf(shape)]));
  const requiredKeys = [...fields.keys()].filter((name) => !optional.has(name));
  const record = fc.record(model, { requiredKeys }) as fc.Arbitrary<Record<string, unknown>>;
  if (exactlyOneOf.length === 0) return record;
  const one = fc
    .constantFrom(...exactlyOneOf)
    .chain((name) => (model[name] as fc.Arbitrary<unknown>).map((value) => ({ [name]: value })));
  return fc.tuple(record, one).map(([all, chosen]) => ({
    ...Object.fromEntries(Object.entries(all).filter(([name]) => !exactlyOneOf.includes(name))),
    ...chosen,
  }));
}

const entry = fc.oneof(
  ...Object.values({ ...STEP_SHAPES, ...EVENT_SHAPES }).map(recordOf),
) as fc.Arbitrary<RecordedEntry>;

export const recordingArbitrary: fc.Arbitrary<Recording> = fc
  .array(entry, { maxLength: 6 })
  .map((entries) => {
    const times = entries.map(({ at }) => at).sort((a, b) => a - b);
    return { entries: entries.map((one, index) => ({ ...one, at: times[index] ?? 0 })) };
  });

export const decisionArbitrary: fc.Arbitrary<Decision> = fc
  .tuple(fc.string({ maxLength: 5 }), fc.integer({ min: 2, max: 1000 }), fc.nat())
  .map(([label, n, answer]) => ({ question: choice(label), n, answer: answer % n }));
