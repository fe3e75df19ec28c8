// Situations of the later phases: outputs, processes, uploads, processors, clean-up.
import {
  abortIn,
  all,
  deadlineIn,
  execerAround,
  inPhase,
  LONG,
  noop,
  ok,
  processor,
  sh,
  snapshot,
  uploader,
  type Situations,
} from './recording-acts.ts';
import { filerOf, Gate, heldBy, outputsAround, withFiler } from './recording-stage.ts';

/** By name. */
export const PHASE_SITUATIONS: Situations = {
  'an abort in outputs': [
    ['ABORTED'],
    abortIn('outputs', (_, gate) => outputsAround({ create: () => gate.passed })),
  ],
  'an abort in outputs that come too late': [
    ['ABORTED'],
    async (stage) => {
      const gate = new Gate();
      const options = { ...outputsAround({ create: () => gate.passed }), localBoundMs: 15 };
      const found = await inPhase(stage, 'outputs', ok, options, (runner, id) => runner.abort(id));
      gate.open();
      await stage.pause(15);
      return found;
    },
  ],
  'a deadline in outputs': [
    ['TIMEDOUT'],
    deadlineIn('outputs', (_, gate) => outputsAround({ create: () => gate.passed }), ok, 50),
  ],
  'a deadline in outputs whose logs are uploaded': [
    ['TIMEDOUT'],
    deadlineIn(
      'outputs',
      (_, gate) => ({
        ...outputsAround({ create: () => gate.passed }),
        ...uploader((name) => Promise.resolve(`https://logs/${name}`)),
      }),
      ok,
      50,
    ),
  ],
  'a deadline in outputs that never take the trailer': [
    ['TIMEDOUT'],
    (stage) => {
      const never = new Gate();
      let isFirst = true;
      const write = (): Promise<void> => {
        const result = isFirst ? stage.pause(60) : never.passed;
        isFirst = false;
        return result;
      };
      const outputs = outputsAround({ output: ({ uri }) => (uri.includes('stderr') ? { write } : {}) });
      const uploads = uploader((name) => Promise.resolve(`https://logs/${name}`));
      return all(stage.runner({ ...outputs, ...uploads, localBoundMs: 80 }), [{ ...ok, timeoutMs: 40 }]);
    },
  ],
  'headers that cannot be written': [
    ['COMPLETE'],
    (stage) =>
      all(
        stage.runner(outputsAround({ output: () => ({ write: () => Promise.reject(new Error('full')) }) })),
        [sh('echo lost; exit 0')],
      ),
  ],
  'outputs that cannot be closed': [
    ['COMPLETE 4'],
    (stage) => {
      const options = outputsAround({
        output: (output) => ({
          close: async () => {
            await output.close();
            throw new Error('late error of the disk');
          },
        }),
      });
      return all(stage.runner(options), [sh('exit 4')]);
    },
  ],
  'a process that is slow to start': [
    ['COMPLETE'],
    (stage) => all(stage.runner(execerAround(stage, { before: () => stage.pause(10) })), [sh('echo late')]),
  ],
  'an abort in exec': [
    ['ABORTED'],
    abortIn('exec', (stage, gate) => execerAround(stage, { before: () => gate.passed }), LONG),
  ],
  'a deadline in exec': [
    ['TIMEDOUT'],
    deadlineIn('exec', (stage, gate) => execerAround(stage, { before: () => gate.passed }), LONG, 100),
  ],
  'a process that cannot be waited for': [
    ['FAILED 250'],
    (stage) =>
      all(
        stage.runner(
          execerAround(stage, {
            process: (process) => ({
              wait: () => Promise.reject(new Error('lost')),
              abort: () => process.abort(),
            }),
          }),
        ),
        [LONG],
      ),
  ],
  'an abort whose kill fails': [
    ['ABORTED'],
    (stage) =>
      inPhase(
        stage,
        'wait',
        sh('sleep 0.05'),
        execerAround(stage, {
          process: (process) => ({
            wait: () => process.wait(),
            abort: () => Promise.reject(new Error('not allowed')),
          }),
        }),
        (runner, id) => runner.abort(id),
      ),
  ],
  'uploads of all logs': [
    ['COMPLETE 2', 'TIMEDOUT'],
    (stage) =>
      all(stage.runner(uploader((name) => Promise.resolve(`https://logs/${name}`))), [
        sh('echo up; exit 2'),
        { ...LONG, timeoutMs: 40 },
      ]),
  ],
  'uploads that fail': [
    ['COMPLETE'],
    (stage) =>
      all(
        stage.runner(
          uploader((name) =>
            name.endsWith('stderr')
              ? Promise.reject(new Error('403'))
              : Promise.resolve(`https://logs/${name}`),
          ),
        ),
        [ok],
      ),
  ],
  'an upload that takes too long': [
    ['COMPLETE'],
    (stage) =>
      all(
        stage.runner(
          uploader((_, __, cancel) => heldBy(new Gate(), cancel).then(() => ''), { uploadBoundMs: 5 }),
        ),
        [ok],
      ),
  ],
  'an abort in upload': [
    ['ABORTED'],
    abortIn('upload', (_, gate) =>
      uploader((__, ___, cancel) => heldBy(gate, cancel).then(() => 'https://x')),
    ),
  ],
  'an abort in an upload that does not heed it': [
    ['ABORTED'],
    async (stage) => {
      const gate = new Gate();
      const options = uploader((_, __, cancel) => heldBy(gate, cancel, true).then(() => 'https://x'), {
        cancelBoundMs: 15,
      });
      const found = await inPhase(stage, 'upload', ok, options, (runner, id) => runner.abort(id));
      gate.open();
      await stage.pause(5);
      return found;
    },
  ],
  'processors that fail': [
    ['COMPLETE'],
    (stage) =>
      all(
        stage.runner({
          preprocessors: [processor(() => Promise.reject(new Error('pre'))), processor(noop)],
          postprocessors: [processor(() => Promise.reject(new Error('post')))],
        }),
        [ok],
      ),
  ],
  'an abort in a preprocessor': [
    ['ABORTED'],
    abortIn('preprocess', (_, gate) => ({
      preprocessors: [processor((__, cancel) => heldBy(gate, cancel))],
    })),
  ],
  'a deadline in a preprocessor': [
    ['TIMEDOUT'],
    deadlineIn('preprocess', (_, gate) => ({
      preprocessors: [processor((__, cancel) => heldBy(gate, cancel))],
    })),
  ],
  'an abort in a postprocessor, too late': [
    ['COMPLETE'],
    abortIn('postprocess', (_, gate) => ({ postprocessors: [processor(() => gate.passed)] })),
  ],
  'a postprocessor that exceeds its bound': [
    ['COMPLETE'],
    async (stage) => {
      const gate = new Gate();
      const options = { postprocessors: [processor(() => gate.passed, 10)] };
      const found = await inPhase(stage, 'postprocess', ok, options, (runner, id) => runner.abort(id));
      gate.open();
      return found;
    },
  ],
  'an abort while logs are closed': [
    ['COMPLETE'],
    abortIn('close', (_, gate) =>
      outputsAround({
        output: (output) => ({
          close: async () => {
            await gate.passed;
            await output.close();
          },
        }),
      }),
    ),
  ],
  'an abort while the checkout is released': [
    ['COMPLETE'],
    abortIn(
      'release',
      (_, gate) => {
        const filer = filerOf(noop);
        return withFiler({ ...filer, checkout: (id) => ({ id, path: '/', release: () => gate.passed }) });
      },
      snapshot,
    ),
  ],
};
