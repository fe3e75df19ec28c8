// The exec runner as the conformance suite sees it: shell commands, the machine's time, short graces.
import { readFile } from 'node:fs/promises';
import { shellCommands } from '../../src/conformance/command-vocabulary.ts';
import { supportsAllBut } from '../../src/conformance/capability.ts';
import type { ConformanceSubject } from '../../src/conformance/subject.ts';
import { createExecRunner } from '../../src/host/exec-runner.ts';
import { realWorld } from '../../src/host/real-world.ts';

/** Real commands on this machine. */
export const exec: ConformanceSubject = {
  name: 'exec',
  supports: supportsAllBut({
    virtualTime: 'it runs on the machine’s time',
    failures: 'no machine loses a process on request',
  }),
  commands: shellCommands,
  wallWorld: () => realWorld(),
  create(world, options) {
    const runner = createExecRunner({ ...options, world, graceMs: 200, drainGraceMs: 200 });
    return {
      service: runner,
      readOutput: (uri) => readFile(decodeURI(new URL(uri).pathname), 'utf8'),
      dispose: () => runner.outputs.dispose(),
    };
  },
};
