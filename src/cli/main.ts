#!/usr/bin/env node
/**
 * The `dryrunner` command. Invariant: imports nothing that has to be there before it runs, so that it can say so where too
 * few files may be open to load anything. The sentences are those of `noDescriptorText`, the exit codes those of
 * `ownFailure`.
 */
try {
  await import('./load-command.ts');
} catch (error) {
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  if (code !== 'EMFILE' && code !== 'ENFILE') throw error;
  const exhausted =
    code === 'EMFILE'
      ? 'no file descriptor is left to open another file: raise `ulimit -n`'
      : 'the machine has no file descriptor left';
  process.stderr.write(`error: ${exhausted}\n`);
  process.exitCode = process.argv[2] === 'exec' ? 125 : 2;
}

export {};
