import { describe, expect, test } from 'vitest';
import type { DoneExecerOptions } from '../../src/execers/done-execer.ts';
import { createDoneExecer } from '../../src/execers/done-execer.ts';
import { createErrorExecer } from '../../src/execers/error-execer.ts';
import { createInterceptExecer, isSimCommand, SIM_EXECER_MARK } from '../../src/execers/intercept-execer.ts';
import { createSimExecer } from '../../src/execers/sim-execer.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import type { Command } from '../../src/model/command.ts';
import type { ExecCommand, Execer } from '../../src/model/execer.ts';
import { complete } from './sim-world.ts';

const commandOf = (...argv: string[]): ExecCommand => ({ argv, dir: '/', jobId: '', taskId: '', tag: '' });

describe('the done execer', () => {
  test.for<[DoneExecerOptions, object]>([
    [{}, complete(0)],
    [{ exitCode: 3 }, complete(3)],
    [
      { state: 'FAILED', exitCode: 250, error: 'lost' },
      { state: 'FAILED', exitCode: 250, error: 'lost' },
    ],
    [{ state: 'UNKNOWN' }, { state: 'UNKNOWN', exitCode: 0, error: '' }],
  ])('R145 with %j a process ends at once, for wait and abort alike', ([options, status]) => {
    const execer = createDoneExecer(options);
    const process = execer.exec();
    expect([process.wait(), process.abort(), process.wait()]).toEqual([status, status, status]);
    expect(Object.isFrozen(process.wait())).toBe(true);
    expect(execer.cancelBoundMs).toBe(0);
  });

  test('R145 with an exec error nothing starts', () => {
    const execError = new Error('no room');
    expect(() => createDoneExecer({ execError, exitCode: 1 }).exec()).toThrow(execError);
  });

  test.for<[string, object]>([
    ['state: expected one of "COMPLETE", "FAILED", "UNKNOWN", got "RUNNING"', { state: 'RUNNING' }],
    ['state: expected one of "COMPLETE", "FAILED", "UNKNOWN", got "DONE"', { state: 'DONE' }],
    ['state: expected one of "COMPLETE", "FAILED", "UNKNOWN", got ""', { state: '' }],
    ['exitCode: expected a 32-bit integer, got 1.5', { exitCode: 1.5 }],
    ['error: expected a string, got 7', { error: 7 }],
    ['execError: expected an Error, got "text"', { execError: 'text' }],
    ['execError: expected an Error, got null', { execError: null }],
  ])('R145 refuses an impossible status: %s', ([message, options]) => {
    const refusal: unknown = expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT', message });
    expect(() => createDoneExecer(options)).toThrow(refusal);
  });
});

describe('the error execer', () => {
  test('R118 R145 exec always fails with the given error', () => {
    const error = new Error('no such program');
    const execer = createErrorExecer(error);
    expect(() => execer.exec()).toThrow(error);
    expect(() => execer.exec()).toThrow(error);
    expect(execer.cancelBoundMs).toBe(0);
  });

  test.for([
    [undefined, 'undefined'],
    [null, 'null'],
    ['text', '"text"'],
  ] as const)('R145 D72 the error %s is refused as wrong use when the execer is made', ([error, shown]) => {
    const message = `error: expected an Error, got ${shown}`;
    const refusal: unknown = expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT', message });
    expect(() => createErrorExecer(error as never)).toThrow(refusal);
  });
});

describe('the intercept execer', () => {
  const both = () => ({
    interceptor: createDoneExecer({ exitCode: 1 }),
    fallback: createDoneExecer({ exitCode: 2 }),
  });
  const codeOf = async (execer: Execer, command: ExecCommand) => {
    const process = await execer.exec(command);
    return (await process.wait()).exitCode;
  };

  test('R146 the mark of the simulation is its own text', () => {
    expect(SIM_EXECER_MARK).toBe('#! sim execer');
  });

  test.for([
    [['#! sim execer', 'complete 0'], true],
    [['#! sim execer'], true],
    [['#! sim execer '], false],
    [['#! sim execers'], false],
    [['#!sim execer'], false],
    [['complete 0', '#! sim execer'], false],
    [[], false],
  ] as const)('R146 %j goes to the simulation: %s', async ([argv, simulated]) => {
    expect(isSimCommand({ argv })).toBe(simulated);
    const execer = createInterceptExecer(both());
    expect(await codeOf(execer, commandOf(...argv))).toBe(simulated ? 1 : 2);
  });

  test('R146 another predicate can choose, by anything in the command', async () => {
    const intercepts = (command: Command | ExecCommand) => command.jobId === 'mine';
    const execer = createInterceptExecer({ ...both(), intercepts });
    expect(await codeOf(execer, commandOf('x'))).toBe(2);
    expect(await codeOf(execer, { ...commandOf('x'), jobId: 'mine' })).toBe(1);
  });

  test('R146 the sim execer takes the mark as a comment', async () => {
    const sim = createSimExecer({ clock: createVirtualClock() });
    const execer = createInterceptExecer({ ...both(), interceptor: sim });
    expect(await codeOf(execer, commandOf(SIM_EXECER_MARK, 'complete 9'))).toBe(9);
  });

  test('a command is checked by the execer that would run it, if it checks', () => {
    const checked: string[] = [];
    const checking = (name: string): Execer => ({
      ...{ cancelBoundMs: 0, exec: () => both().fallback.exec() },
      check: ({ argv }) => {
        checked.push(`${name} ${argv.length}`);
        if (argv.length === 0) throw new Error('No command specified.');
      },
    });
    const execer = createInterceptExecer({ interceptor: checking('sim'), fallback: checking('os') });
    execer.check?.({ argv: [SIM_EXECER_MARK] });
    execer.check?.({ argv: ['ls', '-l'] });
    expect(() => execer.check?.({ argv: [] })).toThrow('No command specified.');
    expect(checked).toEqual(['sim 1', 'os 2', 'os 0']);
    expect(() => createInterceptExecer(both()).check?.({ argv: [] })).not.toThrow();
  });

  test('an error of the chosen execer comes through, and the bound is the greater of both', () => {
    const sim = createSimExecer({ clock: createVirtualClock(), graceMs: 5, drainGraceMs: 1 });
    const failing = createErrorExecer(new Error('no such program'));
    const execer = createInterceptExecer({ interceptor: sim, fallback: failing });
    expect(() => execer.exec(commandOf('ls'))).toThrow('no such program');
    expect(execer.cancelBoundMs).toBe(6);
    expect(createInterceptExecer({ interceptor: failing, fallback: sim }).cancelBoundMs).toBe(6);
  });

  test.for<[string, object]>([
    ['interceptor: expected an object with exec(), got undefined', { interceptor: undefined }],
    ['fallback.cancelBoundMs: expected a number ≥ 0, got undefined', { fallback: {} }],
    ['fallback.exec: expected a function, got 1', { fallback: { cancelBoundMs: 0, exec: 1 } }],
  ])('options are refused with %s', ([message, options]) => {
    const refusal: unknown = expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT', message });
    expect(() => createInterceptExecer({ ...both(), ...options })).toThrow(refusal);
  });
});
