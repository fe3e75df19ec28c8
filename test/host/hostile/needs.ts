// What some hostile programs need of the machine, and why it is not there where it is not.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findCgroupHome } from '../../../src/host/process/process-cgroup.ts';
import { C_PROGRAMS } from './c-programs.ts';
import { WHY_NO_PERL } from './perl-programs.ts';

export type Need = 'perl' | 'cc' | 'root' | 'cgroup' | 'namespaces' | 'mount' | 'chattr' | 'pty';

const isRoot = process.geteuid?.() === 0;
const BECAUSE: Readonly<Record<Need, () => string>> = {
  perl: () => WHY_NO_PERL,
  cc: () => builtPrograms().why,
  root: () => (isRoot ? '' : 'because this is not the superuser'),
  cgroup: () => (findCgroupHome() === undefined ? 'because no control group can be made here' : ''),
  namespaces: () => tried('unshare --pid --fork true', 'because no pid namespace can be made here'),
  mount: () => tried('unshare --mount mount -t tmpfs none /mnt', 'because nothing can be mounted here'),
  chattr: () =>
    tried(
      'f=$(mktemp) && chattr +i "$f"; made=$?; chattr -i "$f"; rm -f "$f"; exit $made',
      'because no file can be made immutable here',
    ),
  pty: () => tried('command -v script', 'because there is no program "script"'),
};
const answers = new Map<Need, string>();

/** Why a program with these needs cannot run here; empty if it can. */
export function whyNot(needs: readonly Need[] = []): string {
  for (const need of needs) {
    const answer = answers.get(need) ?? BECAUSE[need]();
    answers.set(need, answer);
    if (answer !== '') return answer;
  }
  return '';
}

function tried(script: string, because: string): string {
  return isRoot && spawnSync('sh', ['-c', script], { stdio: 'ignore' }).status === 0 ? '' : because;
}

interface BuiltPrograms {
  readonly folder: string;
  readonly why: string;
}

let built: BuiltPrograms | undefined;

/** The folder of the C programs, which are compiled when they are asked for first and go when this process ends. */
export function builtPrograms(): BuiltPrograms {
  return (built ??= build());
}

function build(): BuiltPrograms {
  if (spawnSync('cc', ['--version']).status !== 0) {
    return { folder: '', why: 'because there is no C compiler' };
  }
  const folder = mkdtempSync(join(tmpdir(), 'hostile-programs-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  try {
    for (const [name, source] of Object.entries(C_PROGRAMS)) {
      const file = join(folder, `${name}.c`);
      writeFileSync(file, source);
      execFileSync('cc', ['-O1', '-o', join(folder, name), file, '-lpthread'], { stdio: 'pipe' });
    }
    return { folder, why: '' };
  } catch {
    return { folder, why: 'because the C programs do not compile here' };
  }
}
