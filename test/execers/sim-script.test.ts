import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RunnerError } from '../../src/kernel/errors.ts';
import { isRunnerError } from '../../src/kernel/errors.ts';
import { parseSimScript } from '../../src/execers/sim-script.ts';
import type { SimStep } from '../../src/execers/sim-step.ts';
import {
  FATAL_SIGNALS,
  formatSimStep,
  MAX_SLEEP_MS,
  simScript,
  simStep,
} from '../../src/execers/sim-step.ts';
import { anyStep } from './step-arbitrary.ts';

interface Refusal {
  readonly code: string;
  readonly message: string;
}

function thrownBy(action: () => unknown): RunnerError | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (!isRunnerError(error)) throw error;
    return error;
  }
}

function errorOf(action: () => unknown): Refusal | undefined {
  const error = thrownBy(action);
  return error && { code: error.code, message: error.message };
}

describe('parseSimScript', () => {
  test.for<[string, SimStep]>([
    ['complete 0', { op: 'complete', exitCode: 0 }],
    ['complete 255', { op: 'complete', exitCode: 255 }],
    ['complete -1', { op: 'complete', exitCode: -1 }],
    ['complete -0', { op: 'complete', exitCode: 0 }],
    ['complete 007', { op: 'complete', exitCode: 7 }],
    ['complete 2147483647', { op: 'complete', exitCode: 2147483647 }],
    ['complete -2147483648', { op: 'complete', exitCode: -2147483648 }],
    ['pause', { op: 'pause' }],
    ['sleep 50', { op: 'sleep', ms: 50 }],
    ['sleep 0', { op: 'sleep', ms: 0 }],
    ['sleep 0.25', { op: 'sleep', ms: 0.25 }],
    ['sleep 1.0004', { op: 'sleep', ms: 1 }],
    ['sleep 1.0005', { op: 'sleep', ms: 1.001 }],
    [`sleep ${MAX_SLEEP_MS}`, { op: 'sleep', ms: MAX_SLEEP_MS }],
    ['stdout hello world', { op: 'stdout', text: 'hello world' }],
    ['stdout  two spaces ', { op: 'stdout', text: ' two spaces ' }],
    ['stdout line\n', { op: 'stdout', text: 'line\n' }],
    ['stdout', { op: 'stdout', text: '' }],
    ['stdout ', { op: 'stdout', text: '' }],
    ['stderr # no comment', { op: 'stderr', text: '# no comment' }],
    ['stderr', { op: 'stderr', text: '' }],
    ['# a comment', { op: 'comment', text: ' a comment' }],
    ['#', { op: 'comment', text: '' }],
    ['#! sim execer', { op: 'comment', text: '! sim execer' }],
  ])('R135 %j is read', ([text, step]) => {
    expect(parseSimScript([text])).toEqual([step]);
  });

  test.for<[string, SimStep]>([
    ['fail 250 no such device', { op: 'fail', exitCode: 250, text: 'no such device' }],
    ['fail 1  spaced\nlines', { op: 'fail', exitCode: 1, text: ' spaced\nlines' }],
    ['fail -3 ', { op: 'fail', exitCode: -3, text: '' }],
    ['fail 0', { op: 'fail', exitCode: 0, text: '' }],
    ['signal SIGSEGV', { op: 'signal', signal: 'SIGSEGV' }],
    ['mem 0', { op: 'mem', bytes: 0 }],
    ['mem 1073741824', { op: 'mem', bytes: 1073741824 }],
    ['mem 9007199254740991', { op: 'mem', bytes: Number.MAX_SAFE_INTEGER }],
    ['ignore-term', { op: 'ignore-term' }],
    ['hang', { op: 'hang' }],
    ['orphan', { op: 'orphan' }],
    ['fork', { op: 'fork' }],
  ])('R144 %j is read', ([text, step]) => {
    expect(parseSimScript([text])).toEqual([step]);
  });

  const complete = '"complete N" with a 32-bit integer N';
  const sleep = `"sleep MS" with a number MS from 0 to ${MAX_SLEEP_MS}`;
  const fail = '"fail CODE TEXT" with a 32-bit integer CODE';
  const signal = '"signal NAME" with a signal that ends a process, such as SIGSEGV';
  const mem = '"mem BYTES" with an integer BYTES ≥ 0 below 2^53';
  const opcodes =
    'complete, pause, sleep, stdout, stderr, fail, signal, mem, ignore-term, hang, orphan, fork or a # comment';

  test.for<[string, string]>([
    ['complete', complete],
    ['complete ', complete],
    ['complete x', complete],
    ['complete 1.5', complete],
    ['complete 1 2', complete],
    ['complete  1', complete],
    ['complete 1\n', complete],
    ['complete +1', complete],
    ['complete 0x10', complete],
    ['complete 1e3', complete],
    ['complete 2147483648', complete],
    ['complete -2147483649', complete],
    ['complete 4294967296', complete],
    ['sleep', sleep],
    ['sleep -1', sleep],
    ['sleep soon', sleep],
    ['sleep 1e3', sleep],
    ['sleep Infinity', sleep],
    ['sleep .5', sleep],
    ['sleep 5.', sleep],
    ['sleep x5', sleep],
    ['sleep 5x', sleep],
    [`sleep ${MAX_SLEEP_MS + 1}`, sleep],
    ['fail', fail],
    ['fail ', fail],
    ['fail text', fail],
    ['fail 1text', fail],
    ['fail x1', fail],
    ['fail x 1 text', fail],
    ['fail 2147483648 text', fail],
    ['signal', signal],
    ['signal KILL', signal],
    ['signal SIGCHLD', signal],
    ['signal 9', signal],
    ['mem', mem],
    ['mem -1', mem],
    ['mem 1.5', mem],
    ['mem x1', mem],
    ['mem 1k', mem],
    ['mem 9007199254740992', mem],
    ['pause 1', '"pause" with nothing after it'],
    ['pause ', '"pause" with nothing after it'],
    ['ignore-term 1', '"ignore-term" with nothing after it'],
    ['hang on', '"hang" with nothing after it'],
    ['orphan 1', '"orphan" with nothing after it'],
    ['fork 1', '"fork" with nothing after it'],
    ['', opcodes],
    [' pause', opcodes],
    ['Pause', opcodes],
    ['explode now', opcodes],
    ['toString', opcodes],
    ['write a.txt A', 'createWritingExecer (dryrunner/remote) around the execer, for "write PATH TEXT"'],
  ])('R136 %j is refused with its index, what was expected and what came', ([text, expected]) => {
    const message = `Bad sim script: argv[1]: expected ${expected}, got ${JSON.stringify(text)}`;
    expect(errorOf(() => parseSimScript(['complete 0', text, 'explode']))).toEqual({
      code: 'RUNNER_EXEC_FAILED',
      message,
    });
  });

  test.for<[unknown, string]>([
    [[7], 'Bad sim script: argv[0]: expected a string, got 7'],
    [[undefined], 'Bad sim script: argv[0]: expected a string, got undefined'],
    [['pause', null], 'Bad sim script: argv[1]: expected a string, got null'],
    [undefined, 'Bad sim script: argv: expected an array of steps, got undefined'],
    ['pause', 'Bad sim script: argv: expected an array of steps, got "pause"'],
  ])('R136 the argv %j is refused', ([argv, message]) => {
    expect(errorOf(() => parseSimScript(argv as string[]))).toEqual({ code: 'RUNNER_EXEC_FAILED', message });
  });

  test('R136 the refusal also carries what was expected and what came', () => {
    const step = thrownBy(() => parseSimScript(['complete x']));
    expect([step?.expected, step?.actual]).toEqual([complete, 'complete x']);
    const argv = thrownBy(() => parseSimScript(null as never));
    expect([argv?.expected, argv?.actual]).toEqual(['an array of steps', null]);
  });

  test('R135 the empty script has no steps', () => {
    expect(parseSimScript([])).toEqual([]);
  });

  test('R135 R144 every script reads back as written, also when it was read before', () => {
    fc.assert(
      fc.property(fc.array(anyStep), (steps) => {
        const argv = simScript(...steps);
        expect(parseSimScript(argv)).toEqual(steps);
        expect(parseSimScript(argv)).toEqual(steps);
        expect(parseSimScript(argv).map(formatSimStep)).toEqual(argv);
      }),
    );
  });

  test('R136 any text is either a step or refused with RUNNER_EXEC_FAILED, the same both times', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const refusal = errorOf(() => parseSimScript([text]));
        expect(errorOf(() => parseSimScript([text]))).toEqual(refusal);
        expect(refusal?.code ?? 'RUNNER_EXEC_FAILED').toBe('RUNNER_EXEC_FAILED');
      }),
    );
  });

  test('R135 at most 1024 short steps are cached, and parse the same once evicted', () => {
    const [probe] = ['sleep 12.125'];
    const read = (): SimStep => parseSimScript([probe])[0]!;
    let unique = 0;
    const readAnother = (): void => void parseSimScript([`stdout another ${unique++}`]);
    const forget = (): void => {
      for (const before = read(); read() === before;) readAnother();
    };
    // Right after the forgetting the step that caused it and the probe are remembered.
    forget();
    const remembered = read();
    for (let count = 2; count < 1024; count++) readAnother();
    expect(read()).toBe(remembered);
    readAnother();
    expect(read()).not.toBe(remembered);
    expect(read()).toEqual(remembered);
  });

  test.for([
    [128, true],
    [129, false],
  ] as const)('R135 a step of %d characters is cached: %s', ([length, isRemembered]) => {
    const text = 'stdout '.padEnd(length, 'x');
    const [first, second] = [parseSimScript([text])[0], parseSimScript([text])[0]];
    expect(first).toEqual({ op: 'stdout', text: 'x'.repeat(length - 7) });
    expect(first === second).toBe(isRemembered);
  });

  test('steps are frozen, because they are shared', () => {
    const steps = parseSimScript(['complete 1', 'pause', 'sleep 1', 'stdout a', 'stderr b', '#c', 'mem 1']);
    expect([...steps, ...parseSimScript(['fail 1 x', 'signal SIGINT', 'hang'])].every(Object.isFrozen)).toBe(
      true,
    );
  });
});

describe('simStep', () => {
  test.for<[string, () => SimStep, string]>([
    ['complete(1.5)', () => simStep.complete(1.5), 'exitCode: expected a 32-bit integer, got 1.5'],
    [
      'complete(2 ** 31)',
      () => simStep.complete(2 ** 31),
      'exitCode: expected a 32-bit integer, got 2147483648',
    ],
    ['sleep(-1)', () => simStep.sleep(-1), `ms: expected a number from 0 to ${MAX_SLEEP_MS}, got -1`],
    ['sleep(NaN)', () => simStep.sleep(NaN), `ms: expected a number from 0 to ${MAX_SLEEP_MS}, got NaN`],
    [
      'sleep("5")',
      () => simStep.sleep('5' as never),
      `ms: expected a number from 0 to ${MAX_SLEEP_MS}, got "5"`,
    ],
    ['stdout(1)', () => simStep.stdout(1 as never), 'text: expected a string, got 1'],
    ['stderr(1)', () => simStep.stderr(1 as never), 'text: expected a string, got 1'],
    ['comment(1)', () => simStep.comment(1 as never), 'text: expected a string, got 1'],
    ['fail(1, 2)', () => simStep.fail(1, 2 as never), 'text: expected a string, got 2'],
    ['fail("x")', () => simStep.fail('x' as never), 'exitCode: expected a 32-bit integer, got "x"'],
    [
      'signal("KILL")',
      () => simStep.signal('KILL'),
      'signal: expected a signal that ends a process, such as SIGSEGV, got "KILL"',
    ],
    ['mem(-1)', () => simStep.mem(-1), 'bytes: expected an integer ≥ 0, got -1'],
    [
      'mem(2 ** 53)',
      () => simStep.mem(2 ** 53),
      'bytes: expected an integer from 0 to 9007199254740991, got 9007199254740992',
    ],
  ])('R144 %s is refused', ([, make, message]) => {
    expect(errorOf(make)).toEqual({ code: 'RUNNER_INVALID_ARGUMENT', message });
  });

  test('R144 each fatal signal can be a step, and -0 is 0', () => {
    for (const signal of FATAL_SIGNALS) expect(simStep.signal(signal)).toEqual({ op: 'signal', signal });
    expect([simStep.complete(-0), simStep.mem(-0), simStep.fail(-0)]).toEqual([
      { op: 'complete', exitCode: 0 },
      { op: 'mem', bytes: 0 },
      { op: 'fail', exitCode: 0, text: '' },
    ]);
    expect(FATAL_SIGNALS).toHaveLength(20);
  });

  test('R135 R144 a script is written a step per element', () => {
    const argv = simScript(
      simStep.comment('! sim execer'),
      simStep.stdout('a b\n'),
      simStep.stderr(''),
      simStep.sleep(0.001),
      simStep.mem(10),
      simStep.ignoreTerm(),
      simStep.fork(),
      simStep.orphan(),
      simStep.pause(),
      simStep.hang(),
      simStep.fail(3, 'x y'),
      simStep.signal('SIGINT'),
      simStep.complete(-1),
    );
    expect(argv).toEqual([
      '#! sim execer',
      'stdout a b\n',
      'stderr ',
      'sleep 0.001',
      'mem 10',
      'ignore-term',
      'fork',
      'orphan',
      'pause',
      'hang',
      'fail 3 x y',
      'signal SIGINT',
      'complete -1',
    ]);
  });
});
