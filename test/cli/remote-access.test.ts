// What is said of a connection that could not be made.
import { afterEach, describe, expect, test, vi } from 'vitest';
import { connectionHint, hushGrpc } from '../../src/cli/remote-access.ts';

/** As OpenSSL says it. */
const alert = (text: string, number: number): string =>
  `write EPROTO 00C8E1:error:0A000000:SSL routines:ssl3_read_bytes:${text}:../deps/openssl/openssl/ssl/record/rec_layer_s3.c:1605:SSL alert number ${number}:`;

describe('a server that speaks TLS is not taken for one that does not, which would get the token in clear text', () => {
  test.for<[string, string]>([
    ['does not speak that version', alert('tlsv1 alert protocol version', 70)],
    ['shares no cipher', alert('sslv3 alert handshake failure', 40)],
    ['wants a certificate', alert('tlsv13 alert certificate required', 116)],
  ])('if it %s', async ([, why]) => {
    expect(await connectionHint('grpcs://build:443', why)).toBe('');
  });

  test.for<[string]>([['wrong version number'], ['packet length too long']])(
    'but an answer that is not of TLS is: %s',
    async ([text]) => {
      const why = `write EPROTO 00C8E1:error:0A00010B:SSL routines:ssl3_get_record:${text}:../deps/openssl/ssl/record.c:354:`;
      expect(await connectionHint('grpcs://build:443', why)).toBe(
        'grpcs://build:443 is reached, but does not speak TLS: try grpc://build:443',
      );
    },
  );
});

describe('what gRPC says by itself', () => {
  const { emitWarning } = process;
  afterEach(() => {
    process.emitWarning = emitWarning;
    vi.unstubAllEnvs();
  });

  test('is hushed, and no deprecation but that of addresses as names', async () => {
    const heard = vi.fn();
    process.emitWarning = heard;
    await hushGrpc('exec --remote');
    process.emitWarning('addresses as names', 'DeprecationWarning', 'DEP0123');
    process.emitWarning('something else', 'DeprecationWarning', 'DEP0001');
    expect(heard.mock.calls).toEqual([['something else', 'DeprecationWarning', 'DEP0001']]);
    expect(process.noDeprecation).not.toBe(true);
  });

  test('is heard by who asks for it', async () => {
    vi.stubEnv('GRPC_VERBOSITY', 'DEBUG');
    const heard = vi.fn();
    process.emitWarning = heard;
    await hushGrpc('exec --remote');
    process.emitWarning('addresses as names', 'DeprecationWarning', 'DEP0123');
    expect(heard).toHaveBeenCalled();
  });
});
