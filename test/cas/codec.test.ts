import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeAction,
  decodeCommand,
  encodeAction,
  encodeCommand,
  outcomeMessage,
  outcomeOf,
} from '../../src/cas/action-messages.ts';
import { MESSAGES, type Messages, packAny } from '../../src/cas/codec.ts';
import { digestOf } from '../../src/cas/digest-of.ts';
import { isRunnerError } from '../../src/kernel/errors.ts';
import type { Action, ActionCommand, ActionOutcome } from '../../src/model/action.ts';

const NAMES = Object.keys(MESSAGES) as (keyof Messages)[];
const digest = digestOf('x');

describe('messages', () => {
  test('the bytes of an action are those of the protocol', () => {
    const { hash } = digest;
    const action = encodeAction({
      commandDigest: digest,
      inputRootDigest: digest,
      timeoutMs: 1_500,
      doNotCache: true,
    });
    expect(Buffer.from(action).toString('hex')).toBe(
      [
        // command_digest = 1 { hash = 1, size_bytes = 2 }, input_root_digest = 2
        `0a440a40${Buffer.from(hash).toString('hex')}1001`,
        `12440a40${Buffer.from(hash).toString('hex')}1001`,
        // timeout = 6 { seconds = 1, nanos = 2 }, do_not_cache = 7
        '320808011080cab5ee01',
        '3801',
      ].join(''),
    );
  });

  test('a field that holds its default is not written, at any depth: digests of others depend on that', () => {
    const files = [{ name: 'a', digest: { hash: digest.hash, sizeBytes: 0 }, isExecutable: false }];
    const bytes = MESSAGES.Directory.encode({ files, directories: [], symlinks: [] });
    // files = 1 { name = 1, digest = 2 { hash = 1 } }
    const wire = `0a470a01611242` + `0a40${Buffer.from(digest.hash).toString('hex')}`;
    expect(Buffer.from(bytes).toString('hex')).toBe(wire);
    expect(MESSAGES.Tree.encode({ root: { files, directories: [], symlinks: [] } })).toEqual(
      Buffer.concat([Buffer.from('0a49', 'hex'), bytes]),
    );
  });

  test.for<[string, unknown, string]>([
    [
      'an unknown field',
      { file: [] },
      /^Directory: expected only the fields .*, got a field "file"; the nearest is files$/.source,
    ],
    [
      'an unknown field of an inner message',
      { files: [{ name: 'a', hash: 'x' }] },
      /^FileNode: expected only the fields .*, got a field "hash"/.source,
    ],
    [
      'a digest as a text',
      { files: [{ name: 'a', digest: 'x' }] },
      '^FileNode\\.digest: expected a Digest, got "x"$',
    ],
    [
      'a hash that is a number',
      { files: [{ digest: { hash: 5 } }] },
      '^Digest\\.hash: expected a string, got 5$',
    ],
    [
      'a size that is a text',
      { files: [{ digest: { sizeBytes: '5' } }] },
      '^Digest\\.sizeBytes: expected a whole number of 64 bits, got "5"$',
    ],
    ['no list', { files: { name: 'a' } }, '^Directory\\.files: expected a list, got an object$'],
    [
      'a flag that is a number',
      { files: [{ isExecutable: 1 }] },
      '^FileNode\\.isExecutable: expected true or false, got 1$',
    ],
    ...[NaN, 1.5, Infinity, 2 ** 63, '', false].map((sizeBytes): [string, unknown, string] => [
      `a size of ${JSON.stringify(sizeBytes)} (${sizeBytes})`,
      { files: [{ digest: { sizeBytes } }] },
      '^Digest\\.sizeBytes: expected a whole number of 64 bits, got',
    ]),
    ['a hash of 0', { files: [{ digest: { hash: 0 } }] }, '^Digest\\.hash: expected a string, got 0$'],
    ...[new Date(0), new Map([['hash', 'x']]), Promise.resolve(), '', 0, false].map(
      (given): [string, unknown, string] => [
        `${Object.prototype.toString.call(given)} as a digest`,
        { files: [{ digest: given }] },
        '^FileNode\\.digest: expected a Digest, got ',
      ],
    ),
    ['a list of ""', { files: '' }, '^Directory\\.files: expected a list, got ""$'],
    ['a hole', { files: new Array(1) }, '^Directory\\.files: expected a FileNode, got undefined$'],
    ['a date', new Date(0), '^message: expected a .*Directory, got a Date$'],
    [
      'an unknown field beside one that is inherited',
      Object.assign(Object.create({ files: [] }) as object, { file: [] }),
      '^Directory: expected only the fields .*, got a field "file"',
    ],
  ])('%s is refused, not left out', ([, message, refusal]) => {
    const encode = (): unknown => MESSAGES.Directory.encode(message as object);
    expect(encode).toThrow(expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT' }) as Error);
    expect(encode).toThrow(new RegExp(refusal));
  });

  test('an exit code has 32 bits, and names have values', () => {
    const result = (exitCode: number) => (): unknown => MESSAGES.ActionResult.encode({ exitCode });
    for (const exitCode of [2 ** 31, -(2 ** 31) - 1, 1.5]) {
      expect(result(exitCode)).toThrow('ActionResult.exitCode: expected a whole number of 32 bits');
    }
    for (const exitCode of [2 ** 31 - 1, -(2 ** 31)]) {
      expect(MESSAGES.ActionResult.decode(MESSAGES.ActionResult.encode({ exitCode })).exitCode).toBe(
        exitCode,
      );
    }
    const logs = (serverLogs: unknown) => (): unknown =>
      MESSAGES.ExecuteResponse.encode({ serverLogs } as object);
    expect(logs(new Map())).toThrow('ExecuteResponse.serverLogs: expected an object with names and values');
    expect(logs({ log: { digests: digest } })).toThrow('LogFile: expected only the fields');
    const serverLogs = { log: { digest, humanReadable: true } };
    const bytes = MESSAGES.ExecuteResponse.encode({ serverLogs });
    expect(MESSAGES.ExecuteResponse.decode(bytes).serverLogs).toEqual(serverLogs);
  });

  test('a message is not changed, and may inherit its fields', () => {
    const files = Object.freeze([Object.freeze({ name: 'a', isExecutable: false }), { name: 'b' }]);
    const message = Object.freeze({ files, symlinks: [] });
    const bytes = MESSAGES.Directory.encode(message);
    expect(message.files[0]).toEqual({ name: 'a', isExecutable: false });
    expect(MESSAGES.Directory.encode(Object.create(message) as object)).toEqual(bytes);
    expect(MESSAGES.Directory.encode({ files: [{ name: 'a' }, { name: 'b' }] })).toEqual(bytes);
  });

  test('fields that are undefined are absent, whatever their name', () => {
    const message = { name: 'x', other: undefined } as object;
    expect(MESSAGES.WaitExecutionRequest.decode(MESSAGES.WaitExecutionRequest.encode(message))).toEqual({
      name: 'x',
    });
  });

  test('what did not come reads as empty, zero or null', () => {
    expect(MESSAGES.Action.decode(new Uint8Array())).toEqual({
      commandDigest: null,
      inputRootDigest: null,
      timeout: null,
      doNotCache: false,
      salt: Buffer.alloc(0),
      platform: null,
    });
    const operation = MESSAGES.Operation.decode(new Uint8Array());
    expect(operation).toEqual({ name: '', metadata: null, done: false });
  });

  test('a size above 2^32 comes back', () => {
    const blobDigests = [{ hash: digest.hash, sizeBytes: 2 ** 40 + 7 }];
    const bytes = MESSAGES.FindMissingBlobsRequest.encode({ blobDigests });
    expect(MESSAGES.FindMissingBlobsRequest.decode(bytes)).toEqual({ instanceName: '', blobDigests });
  });

  test('any bytes are a message or RUNNER_BAD_MESSAGE', () => {
    fc.assert(
      fc.property(fc.constantFrom(...NAMES), fc.uint8Array({ maxLength: 64 }), (name, bytes) => {
        try {
          expect(MESSAGES[name].decode(bytes)).toBeTypeOf('object');
        } catch (error) {
          expect(isRunnerError(error, 'RUNNER_BAD_MESSAGE')).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('an envelope says what is in it', () => {
    const { typeUrl } = packAny(MESSAGES.Status, { code: 5 });
    expect(typeUrl).toBe('type.googleapis.com/google.rpc.Status');
  });
});

const COMMAND: ActionCommand = {
  arguments: ['cc', '-c', 'a.c'],
  environmentVariables: { PATH: '/bin', A: '1' },
  outputFiles: ['a.o'],
  outputDirectories: ['gen', ''],
  outputPaths: [],
  workingDirectory: 'src',
  platform: [{ name: 'OSFamily', value: 'linux' }],
};

describe('actions, commands and results', () => {
  test('come back as they were', () => {
    const platform = [{ name: 'b', value: '2' }];
    const action: Action = {
      commandDigest: digest,
      inputRootDigest: digest,
      timeoutMs: 2_500,
      doNotCache: true,
      platform,
    };
    expect(decodeAction(encodeAction(action))).toEqual(action);
    expect(decodeCommand(encodeCommand(COMMAND))).toEqual(COMMAND);
    const outcome: ActionOutcome = {
      outputFiles: [{ path: 'a.o', digest, isExecutable: true }],
      outputDirectories: [{ path: 'gen', treeDigest: digest }],
      outputSymlinks: [{ path: 'link', target: 'a.o' }],
      exitCode: 3,
      stdoutDigest: digest,
      metadata: { worker: 'w1', queuedMs: 1_700_000_000_123, workerCompletedMs: 1_700_000_000_456.5 },
    };
    const bytes = MESSAGES.ActionResult.encode(outcomeMessage(outcome));
    expect(outcomeOf(MESSAGES.ActionResult.decode(bytes))).toEqual(outcome);
  });

  test('a time is always seconds and less than a second in nanoseconds', () => {
    const secondsOf = (timeoutMs: number): unknown =>
      MESSAGES.Action.decode(
        encodeAction({ commandDigest: digest, inputRootDigest: digest, doNotCache: false, timeoutMs }),
      ).timeout;
    expect(secondsOf(999.999_999_9)).toEqual({ seconds: 1, nanos: 0 });
    expect(secondsOf(1_999.999_999)).toEqual({ seconds: 1, nanos: 999_999_999 });
  });

  test('an output that is asked for twice is one', () => {
    const paths = { outputFiles: ['a', 'b', 'a'], outputDirectories: ['d', 'd'], outputPaths: ['p', 'p'] };
    expect(decodeCommand(encodeCommand({ ...COMMAND, ...paths }))).toMatchObject({
      outputFiles: ['a', 'b'],
      outputDirectories: ['d'],
      outputPaths: ['p'],
    });
  });

  test('the same command has the same bytes, in whatever order its variables were given', () => {
    const turned = { ...COMMAND, environmentVariables: { A: '1', PATH: '/bin' } };
    expect(encodeCommand(turned)).toEqual(encodeCommand(COMMAND));
  });

  test.for([
    [{ argv: ['a'] }, 'command', '"argv"; the nearest is arguments'],
    [{ envVars: {} }, 'command', '"envVars"; the nearest is environmentVariables'],
    [{ outputs: ['a'] }, 'command', '"outputs"'],
    [{ timeout: 5_000 }, 'action', '"timeout"; the nearest is timeoutMs'],
  ] as const)('a field that there is not is refused: %j', ([part, what, got]) => {
    const encode = (): unknown =>
      what === 'command'
        ? encodeCommand({ ...COMMAND, ...part })
        : encodeAction({ commandDigest: digest, inputRootDigest: digest, doNotCache: false, ...part });
    expect(encode).toThrow(`${what}: expected only the fields `);
    expect(encode).toThrow(`got a field ${got}`);
  });

  test.for([
    [{ outputFiles: ['../a'] }, 'command.output_files: expected a path inside the input root'],
    [{ outputFiles: ['/a'] }, 'command.output_files: expected a path'],
    [{ outputFiles: [''] }, 'command.output_files: expected a path'],
    [{ outputFiles: ['a//b'] }, 'command.output_files: expected a path'],
    [{ outputDirectories: ['a/../../b'] }, 'command.output_directories: expected a path'],
    [{ outputPaths: ['./a'] }, 'command.output_paths: expected a path'],
    [{ workingDirectory: '/' }, 'command.working_directory: expected a path'],
    [{ environmentVariables: { 'A=B': '' } }, 'command.environment_variables: expected names without'],
  ] as const)('a command with %o is refused', ([part, message]) => {
    const bytes = encodeCommand({ ...COMMAND, ...part });
    expect(() => decodeCommand(bytes)).toThrow(message);
  });

  test.for([
    [{ hash: 'A'.repeat(64) }, 'action.command_digest.hash: expected 64 lower-case'],
    [{ sizeBytes: -1 }, 'action.command_digest.size_bytes: expected 0 to 9007199254740991 bytes, got -1'],
    [{ sizeBytes: 2 ** 60 }, 'action.command_digest.size_bytes: expected 0 to 9007199254740991 bytes'],
  ] as const)('an action whose digest has %o is refused', ([part, message]) => {
    const bytes = MESSAGES.Action.encode({ commandDigest: { ...digest, ...part }, inputRootDigest: digest });
    expect(() => decodeAction(bytes)).toThrow(message);
  });
});
