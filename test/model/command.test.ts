import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TIME_MS_MAX } from '../../src/kernel/microseconds.ts';
import type { ExecuteRequest } from '../../src/model/action.ts';
import {
  checkCommand,
  copyCommand,
  formatCommand,
  NO_TAGS,
  tagsOf,
  type Command,
} from '../../src/model/command.ts';
import { formatGoDuration } from '../../src/model/go-duration.ts';
import { refused, thrownBy } from './thrown.ts';

const actionDigest = { hash: 'a'.repeat(64), sizeBytes: 7 };
const snapshotId = `bz-${actionDigest.hash}-7`;
const full: Command = {
  argv: ['./run', 'a', '--command'],
  envVars: { GOOS: 'linux' },
  timeoutMs: 600_000,
  snapshotId: 'git-abcd1234',
  jobId: 'job-abcd1234',
  taskId: 'task-abcd1234',
  tag: 'req-abcd1234',
};
const fullText =
  'runner.Command -- SnapshotID: git-abcd1234 # Argv: ["./run" "a" "--command"] # Timeout: 10m0s' +
  ' # JobID: job-abcd1234 # TaskID: task-abcd1234 # Tag: req-abcd1234';
const emptyText = 'runner.Command -- SnapshotID:  # Argv: [] # Timeout: 0s # JobID:  # TaskID:  # Tag: ';

describe('a field that commands do not have', () => {
  test.for([
    ['env', 'envVars'],
    ['args', 'argv'],
    ['timeout', 'timeoutMs'],
    ['snapshotID', 'snapshotId'],
  ] as const)('R66 %s is refused: the nearest is %s', ([field, nearest]) => {
    expect(() => checkCommand({ argv: ['a'], [field]: 1 })).toThrow(
      `command: expected only the fields argv, envVars, timeoutMs, snapshotId, jobId, taskId, tag, executeRequest, got a field "${field}"; the nearest is ${nearest}`,
    );
  });

  test('is refused also if nothing is near', () => {
    expect(() => checkCommand({ argv: ['a'], priority: 1 })).toThrow(/got a field "priority"$/);
    expect(() => checkCommand(Object.assign(Object.create(null), { argv: ['a'], priority: 1 }))).toThrow(
      /got a field "priority"$/,
    );
  });

  test('passes without a value, and in an object of a class', () => {
    class Job {
      readonly argv = ['a'];
      readonly priority = 1;
    }
    checkCommand({ argv: ['a'], priority: undefined });
    checkCommand(new Job());
  });
});

describe('the text of a command', () => {
  test('R17 shows snapshot, argv, timeout, tags and environment', () => {
    expect(formatCommand(full)).toBe(`${fullText} # Env:  GOOS=linux`);
    expect(formatCommand({ argv: [] })).toBe(emptyText);
    expect(formatCommand({ argv: [], envVars: {} })).toBe(emptyText);
    expect(formatCommand({ argv: ['a "b"\n', ''] })).toContain('# Argv: ["a \\"b\\"\\n" ""] #');
  });

  test('R16 R17 request data is shown if present', () => {
    expect(formatCommand({ argv: [], executeRequest: { actionDigest } })).toBe(
      `${emptyText}  ExecuteRequest={"actionDigest":{"hash":"${actionDigest.hash}","sizeBytes":7}}`,
    );
  });

  test('R17 D7 environment keys are sorted, in whatever order they were given', () => {
    const keys = fc.uniqueArray(fc.stringMatching(/^[A-Za-z_]{1,4}$/), { minLength: 2, maxLength: 6 });
    const shuffled = keys.chain((sorted) =>
      fc.tuple(fc.constant(sorted), fc.shuffledSubarray(sorted, { minLength: sorted.length })),
    );
    fc.assert(
      fc.property(shuffled, ([some, others]) => {
        const env = (names: readonly string[]): Record<string, string> =>
          Object.fromEntries(names.map((name) => [name, 'v']));
        const text = formatCommand({ argv: [], envVars: env(some) });
        expect(text).toBe(formatCommand({ argv: [], envVars: env(others) }));
        expect(text).toBe(
          `${emptyText} # Env:${[...some]
            .sort()
            .map((key) => `  ${key}=v`)
            .join('')}`,
        );
      }),
    );
  });

  test('R17 D7 the form for logs shows no value, or only allowed ones', () => {
    const command = { argv: [], envVars: { TOKEN: 'secret', HOME: '/root' } };
    const env = (options: Parameters<typeof formatCommand>[1]): string =>
      formatCommand(command, options).slice(emptyText.length);
    expect(env({ redactEnv: true })).toBe(' # Env:  HOME=<redacted>  TOKEN=<redacted>');
    expect(env({ redactEnv: (key) => key === 'TOKEN' })).toBe(' # Env:  HOME=/root  TOKEN=<redacted>');
    expect(env({ redactEnv: false })).toBe(' # Env:  HOME=/root  TOKEN=secret');
    expect(env({})).toBe(' # Env:  HOME=/root  TOKEN=secret');
  });

  test.for([
    [0, '0s'],
    [0.000_001, '1ns'],
    [0.000_999, '999ns'],
    [0.001, '1µs'],
    [0.001_5, '1.5µs'],
    [0.999_999, '999.999µs'],
    [1, '1ms'],
    [1.5, '1.5ms'],
    [999.999_999, '999.999999ms'],
    [1000, '1s'],
    [1001, '1.001s'],
    [59_999, '59.999s'],
    [60_000, '1m0s'],
    [90_500, '1m30.5s'],
    [600_000, '10m0s'],
    [3_599_999, '59m59.999s'],
    [3_600_000, '1h0m0s'],
    [5_400_000, '1h30m0s'],
    [100 * 86_400_000, '2400h0m0s'],
    [-1500, '-1.5s'],
    [-0.000_001, '-1ns'],
    [Infinity, 'Infinity'],
    [NaN, 'NaN'],
  ] as const)('R17 %d ms is the Go duration %s', ([ms, text]) => {
    expect(formatGoDuration(ms)).toBe(text);
  });
});

describe('the check of commands', () => {
  test('R16 everything but argv may be left out, and argv may be empty', () => {
    const passing: unknown[] = [
      full,
      { argv: [] },
      { argv: ['complete 0'], timeoutMs: 0 },
      { argv: ['x'], timeoutMs: -5 },
      { argv: ['x'], timeoutMs: TIME_MS_MAX },
      { argv: ['x'], envVars: undefined, timeoutMs: undefined, tag: undefined, executeRequest: undefined },
      { argv: ['x'], executeRequest: { actionDigest }, snapshotId, envVars: { A: '' } },
    ];
    for (const command of passing) expect(() => checkCommand(command)).not.toThrow();
  });

  const arrayOfStrings = 'an array of strings';
  const noNul = 'a string without NUL bytes';
  const keyRule = 'non-empty keys without "=" and NUL bytes';
  const bazel = 'bz-HASH-SIZE beside an executeRequest, as snapshotOfDigest(actionDigest) makes it';
  const finite = 'a number of milliseconds from -3155760000000 to 3155760000000, a hundred years';
  test.for<[unknown, string, string, string]>([
    [undefined, 'command', 'an object with argv', 'undefined'],
    [null, 'command', 'an object with argv', 'null'],
    ['ls', 'command', 'an object with argv', '"ls"'],
    [{}, 'command.argv', arrayOfStrings, 'undefined'],
    [{ argv: 'ls' }, 'command.argv', arrayOfStrings, '"ls"'],
    [{ argv: ['a', 7] }, 'command.argv[1]', noNul, '7'],
    [{ argv: ['a\0b'] }, 'command.argv[0]', noNul, '"a\\u0000b"'],
    [{ argv: ['a', , 'b'] }, 'command.argv[1]', noNul, 'undefined'],
    [{ argv: [], envVars: 'A=b' }, 'command.envVars', 'an object of strings', '"A=b"'],
    [{ argv: [], envVars: null }, 'command.envVars', 'an object of strings', 'null'],
    [{ argv: [], envVars: new Map([['A', '1']]) }, 'command.envVars', 'an object of strings', 'a Map'],
    [{ argv: [], envVars: ['A'] }, 'command.envVars', 'an object of strings', 'an array of 1'],
    [{ argv: [], envVars: { 'A=B': 'c' } }, 'command.envVars', keyRule, '"A=B"'],
    [{ argv: [], envVars: { '': 'c' } }, 'command.envVars', keyRule, '""'],
    [{ argv: [], envVars: { 'A\0': 'c' } }, 'command.envVars', keyRule, '"A\\u0000"'],
    [{ argv: [], envVars: { A: 1 } }, 'command.envVars.A', noNul, '1'],
    [{ argv: [], envVars: { A: 'b\0' } }, 'command.envVars.A', noNul, '"b\\u0000"'],
    [{ argv: [], timeoutMs: NaN }, 'command.timeoutMs', finite, 'NaN'],
    [{ argv: [], timeoutMs: Infinity }, 'command.timeoutMs', finite, 'Infinity'],
    [{ argv: [], timeoutMs: 1e300 }, 'command.timeoutMs', finite, '1e+300'],
    [{ argv: [], timeoutMs: -TIME_MS_MAX - 1 }, 'command.timeoutMs', finite, '-3155760000001'],
    [{ argv: [], timeoutMs: '5' }, 'command.timeoutMs', finite, '"5"'],
    [{ argv: [], snapshotId: 1 }, 'command.snapshotId', 'a string', '1'],
    [{ argv: [], jobId: null }, 'command.jobId', 'a string', 'null'],
    [{ argv: [], taskId: {} }, 'command.taskId', 'a string', 'an object'],
    [{ argv: [], tag: 1n }, 'command.tag', 'a string', '1n'],
    [{ argv: [], executeRequest: 'x' }, 'command.executeRequest', 'an object with actionDigest', '"x"'],
    [{ argv: [], executeRequest: null }, 'command.executeRequest', 'an object with actionDigest', 'null'],
    [
      { argv: [], executeRequest: {} },
      'command.executeRequest.actionDigest',
      'a digest with hash and sizeBytes',
      'undefined',
    ],
    [
      { argv: [], executeRequest: { actionDigest: { hash: 'A'.repeat(64), sizeBytes: 1 } } },
      'command.executeRequest.actionDigest.hash',
      '64 lower-case hexadecimal digits',
      `"${'A'.repeat(60)}…"`,
    ],
    [{ argv: [], executeRequest: { actionDigest } }, 'command.snapshotId', bazel, 'undefined'],
    [{ argv: [], executeRequest: { actionDigest }, snapshotId: '' }, 'command.snapshotId', bazel, '""'],
    [{ argv: [], executeRequest: { actionDigest }, snapshotId: 'v1' }, 'command.snapshotId', bazel, '"v1"'],
  ])('R66 R185 D36 %o is refused: %s', ([command, name, expected, got]) => {
    expect(thrownBy(() => checkCommand(command))).toBe(refused(name, expected, got));
  });

  test('R66 any argument passes or throws a typed error', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (argv, envVars) => {
        for (const value of [argv, { argv, envVars }, { argv: [], envVars }]) {
          try {
            checkCommand(value);
          } catch (error) {
            expect(error).toMatchObject({ name: 'RunnerError', code: 'RUNNER_INVALID_ARGUMENT' });
          }
        }
      }),
    );
  });
});

describe('the tags of a command', () => {
  test('R16 are empty where the command has none', () => {
    expect(tagsOf(full)).toEqual({ jobId: 'job-abcd1234', taskId: 'task-abcd1234', tag: 'req-abcd1234' });
    expect(tagsOf({ argv: [] })).toBe(NO_TAGS);
    expect(tagsOf({ argv: [], jobId: 'j' })).toEqual({ jobId: 'j', taskId: '', tag: '' });
    expect(tagsOf({ argv: [], taskId: 't' })).toEqual({ jobId: '', taskId: 't', tag: '' });
    expect(tagsOf({ argv: [], tag: 'g' })).toEqual({ jobId: '', taskId: '', tag: 'g' });
    expect(NO_TAGS).toStrictEqual({ jobId: '', taskId: '', tag: '' });
    expect(Object.isFrozen(NO_TAGS)).toBe(true);
  });
});

describe('the copy of a command', () => {
  test('is frozen, and does not follow changes of the original', () => {
    const argv = ['a'];
    const envVars = { A: '1' };
    const copy = copyCommand({ argv, envVars, tag: 't' });
    argv.push('b');
    envVars.A = '2';
    expect(copy).toStrictEqual({ argv: ['a'], envVars: { A: '1' }, tag: 't' });
    expect([copy, copy.argv, copy.envVars].every(Object.isFrozen)).toBe(true);
    expect(copyCommand(copy)).toBe(copy);
    expect(copyCommand({ argv: copy.argv }).argv).toBe(copy.argv);
    const half = [
      Object.freeze({ argv, envVars: copy.envVars! }),
      Object.freeze({ argv: copy.argv, envVars }),
      { argv: copy.argv, envVars: copy.envVars! },
    ];
    for (const command of half) {
      const whole = copyCommand(command);
      expect(whole).not.toBe(command);
      expect([whole, whole.argv, whole.envVars].every(Object.isFrozen)).toBe(true);
    }
    const bare = Object.freeze({ argv: copy.argv });
    expect(copyCommand(bare)).toBe(bare);
    expect(Object.keys(copyCommand({ argv }))).toEqual(['argv']);
  });

  test('has the fields that the original inherits, as its own, also if that is frozen', () => {
    const argv = Object.freeze(['a']);
    const envVars = Object.freeze({ A: '1' });
    const plainRequest = { actionDigest, skipCacheLookup: true, priority: 4 };
    const heirOf = <T extends object>(value: T): T => Object.freeze(Object.create(value) as T);
    const heir = heirOf({ ...plainRequest, actionDigest: heirOf(actionDigest) });
    class Job {
      readonly argv = argv;
      readonly envVars = envVars;
      readonly executeRequest: ExecuteRequest | undefined;
      constructor(executeRequest?: ExecuteRequest) {
        if (executeRequest !== undefined) this.executeRequest = executeRequest;
      }
      get timeoutMs(): number {
        return 5;
      }
      get tag(): string {
        return 't';
      }
    }
    const expected: Command = { argv, envVars, timeoutMs: 5, tag: 't' };
    for (const job of [new Job(), Object.freeze(new Job())]) {
      const { executeRequest, ...copy } = copyCommand(job as Command);
      expect(copy).toStrictEqual(expected);
      expect(executeRequest).toBeUndefined();
    }
    const requesting = [
      new Job(heir) as Command,
      Object.freeze({
        ...expected,
        executeRequest: heirOf({ ...plainRequest, actionDigest: Object.freeze({ ...actionDigest }) }),
      }),
      Object.freeze({
        ...expected,
        executeRequest: Object.freeze({ ...plainRequest, actionDigest: heirOf(actionDigest) }),
      }),
    ];
    for (const command of requesting) {
      const copy = copyCommand(command);
      expect(copy).toStrictEqual({ ...expected, executeRequest: plainRequest });
      expect(copyCommand(copy)).toBe(copy);
    }
  });

  test('has no fields beside those of commands, which an object of a class may have', () => {
    class Job {
      readonly argv = ['a'];
      readonly startedBy = (): string => 'a scheduler';
    }
    for (const job of [new Job(), Object.freeze(new Job())]) {
      expect(copyCommand(job)).toStrictEqual({ argv: ['a'] });
    }
  });

  test('has no field that the original neither has nor inherits', () => {
    expect(Object.keys(copyCommand(Object.create({ argv: ['a'] }) as Command))).toEqual(['argv']);
  });
});
