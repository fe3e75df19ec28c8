// Which hostile programs are run, how often and through what: every kind that can run here equally often, in an order that a seed
// decides, so that other kinds run beside it each time.
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandomStream } from '../src/kernel/seeded-random.ts';
import { whyNot } from '../test/host/hostile/needs.ts';
import { natural, type HostileProgram } from '../test/host/hostile/program.ts';
import { HOSTILE_PROGRAMS } from '../test/host/hostile/programs.ts';
import { DISK_PROGRAMS, RUDE_PROGRAMS } from '../test/host/hostile/rude-programs.ts';
import { execerSubject, runnerSubject, type HostileSubject } from './hostile-subjects.ts';

/** One kind of run. */
export interface HostileKind {
  readonly name: string;
  readonly program: HostileProgram;
  readonly subject: HostileSubject;
}

/** Everything that can be run, and what cannot. */
export interface HostileGround {
  readonly kinds: readonly HostileKind[];
  readonly skipped: readonly { readonly name: string; readonly because: string }[];
  /** Gives back what the subjects hold. */
  close(): Promise<void>;
}

const SUBJECTS: Readonly<Record<string, (() => HostileSubject)[]>> = {
  runner: [runnerSubject],
  execer: [execerSubject],
  both: [runnerSubject, execerSubject],
};
const FLOODS = natural('R123 writes to a log on a full disk', 'yes hostile | head -c 600000; exit 0', {
  needs: ['mount'],
});

/** The names of `--through`. */
export const WAYS: readonly string[] = Object.keys(SUBJECTS);

/** Makes what programs are run through; `only` takes the kinds whose name holds it. */
export function createGround(through: string, only: string): HostileGround {
  const subjects = (SUBJECTS[through] ?? []).map((make) => make());
  const [first] = subjects;
  if (first === undefined) throw new Error(`expected one of ${WAYS.join(', ')}, got ${through}`);
  const all = [...HOSTILE_PROGRAMS, ...RUDE_PROGRAMS, ...DISK_PROGRAMS, FLOODS].filter(({ title }) =>
    nameOf(title).includes(only),
  );
  const able = all.filter(({ needs }) => whyNot(needs) === '');
  const disk = able.includes(FLOODS) ? mountSmallDisk() : undefined;
  const full = disk === undefined ? undefined : runnerSubject(join(disk, 'logs'));
  const kinds = able.flatMap((program) => {
    const name = nameOf(program.title);
    if (program !== FLOODS) return [{ name, program, subject: share(subjects) }];
    return full === undefined ? [] : [{ name, program, subject: full }];
  });
  return {
    kinds,
    skipped: all
      .filter((program) => !able.includes(program))
      .map(({ title, needs }) => ({ name: nameOf(title), because: whyNot(needs) })),
    async close() {
      for (const subject of subjects) await subject.close();
      await full?.close();
      if (disk !== undefined) unmount(disk);
    },
  };
}

/** The order of that many runs: rounds of all kinds, each shuffled. */
export function planRuns(kinds: readonly HostileKind[], runs: number, seed: string): HostileKind[] {
  const random = createRandomStream(seed);
  const plan: HostileKind[] = [];
  while (plan.length < runs) {
    const round = [...kinds];
    for (let last = round.length - 1; last > 0; last--) {
      const other = random.int(last + 1);
      [round[last], round[other]] = [round[other] as HostileKind, round[last] as HostileKind];
    }
    plan.push(...round.slice(0, runs - plan.length));
  }
  return plan;
}

/** Takes turns. */
function share(subjects: readonly HostileSubject[]): HostileSubject {
  let turn = 0;
  return {
    run: (program, mark) => (subjects[turn++ % subjects.length] as HostileSubject).run(program, mark),
    close: () => Promise.resolve(),
  };
}

function nameOf(title: string): string {
  return title.replace(/^([RD]\d+ )+/, '');
}

function mountSmallDisk(): string {
  const disk = mkdtempSync(join(tmpdir(), 'small-disk-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'none', disk]);
  if (status !== 0) throw new Error(`nothing could be mounted on ${disk}`);
  mkdirSync(join(disk, 'logs'));
  return disk;
}

function unmount(disk: string): void {
  spawnSync('umount', [disk]);
  if (existsSync(disk)) rmSync(disk, { recursive: true, force: true });
}
