/** What every function that takes a recording checks first. */
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import type { RecordedEntry, RecordedSettings, RecordedStep, Recording } from '../../model/recording.ts';
import { LINE_SHAPES } from '../file-shapes.ts';
import { TIME_MS } from '../model-shapes.ts';
import { RECORDED_COLLABORATOR_SHAPE, RECORDED_FILER_SHAPE } from './step-shapes.ts';

const ENTRY = is.objectOf<Pick<RecordedEntry, 'type'>>(
  'an entry of a recording',
  { type: is.oneOf(...LINE_SHAPES.recording.keys()) },
  {},
);
/** The ranges of a runner's settings are left to the runner, whose refusal is a failure of the replay. */
const RUNNER = is.objectOf<
  Pick<Extract<RecordedStep, { readonly type: 'runner' }>, 'at' | 'runner' | 'settings'>
>(
  'a recorded runner',
  {
    at: TIME_MS,
    runner: is.TEXT,
    settings: is.objectOf<Pick<RecordedSettings, 'filers' | 'preprocessors' | 'postprocessors'>>(
      'the settings of a runner',
      {
        filers: is.listOf(RECORDED_FILER_SHAPE),
        preprocessors: is.listOf(RECORDED_COLLABORATOR_SHAPE),
        postprocessors: is.listOf(RECORDED_COLLABORATOR_SHAPE),
      },
      {},
    ),
  },
  {},
);
const RECORDING = is.objectOf<Recording>('a recording', { entries: is.LIST }, {});

/** @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a recording; names the entry and its field. */
export function checkRecording(name: string, recording: Recording): void {
  check(name, recording, RECORDING);
  for (const [index, entry] of recording.entries.entries()) {
    const at = `${name}.entries[${index}]`;
    check(at, entry, ENTRY);
    check(at, entry, entry.type === 'runner' ? RUNNER : (LINE_SHAPES.recording.get(entry.type) ?? ENTRY));
  }
}
