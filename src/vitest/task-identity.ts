/** Which test of its file a Vitest test is. */
import type { SimulatedTest } from './test-run.ts';

/** What Vitest says of a test, or of a group of tests. */
interface Task {
  readonly name: string;
  /** The group that it is in; undefined in the file itself. */
  readonly suite?: Task | undefined;
  /** Those in the group, in the order of their declarations. */
  readonly tasks?: readonly Task[];
  readonly mode?: string;
}

/** What {@link identityOf} says; `name` is all `names`, those of its groups and its own, joined by spaces. */
type Identity = Required<Pick<SimulatedTest, 'name' | 'names' | 'ordinal' | 'namesInFile'>>;

/** What distinguishes a test from the others of its file. */
export function identityOf(task: Task & { readonly file: Task }): Identity {
  const names = namesOf(task);
  return {
    name: names.join(' '),
    names,
    ordinal: ordinalOf(task),
    namesInFile: () => namesIn(task.file),
  };
}

/** Names of the groups, the outermost first, and of the test itself. */
function namesOf(task: Task): string[] {
  const names = [task.name];
  for (let { suite } = task; suite !== undefined; { suite } = suite) names.unshift(suite.name);
  return names;
}

function fullNameOf(task: Task): string {
  return namesOf(task).join(' ');
}

/** The place of the test among those of the same full name in its file, from 1. */
function ordinalOf(task: Task & { readonly file: Task }): number {
  const fullName = fullNameOf(task);
  let ordinal = 0;
  const isFoundIn = ({ tasks = [] }: Task): boolean =>
    tasks.some((one) => {
      if (one.tasks !== undefined) return isFoundIn(one);
      if (one === task || (fullName.endsWith(one.name) && fullNameOf(one) === fullName)) ordinal += 1;
      return one === task;
    });
  isFoundIn(task.file);
  return Math.max(1, ordinal);
}

/** All tests of a file or group by full name, and whether they are to run. */
function namesIn({ tasks = [] }: Task): { readonly name: string; readonly isRun: boolean }[] {
  return tasks.flatMap((one) =>
    one.tasks === undefined ? [{ name: fullNameOf(one), isRun: isRun(one) }] : namesIn(one),
  );
}

function isRun({ mode }: Task): boolean {
  return mode !== 'skip' && mode !== 'todo';
}
