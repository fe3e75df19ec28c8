/** Which test of its file a Vitest test is. */

/** What Vitest says of a test, or of a group of tests. */
interface Task {
  readonly name: string;
  /** The group that it is in; undefined in the file itself. */
  readonly suite?: Task | undefined;
  /** Those in the group, in the order of their declarations. */
  readonly tasks?: readonly Task[];
}

/** Names of the groups and of the test itself, joined as `-t` matches them. */
export function fullNameOf(task: Task): string {
  const names = [task.name];
  for (let { suite } = task; suite !== undefined; { suite } = suite) names.unshift(suite.name);
  return names.join(' ');
}

/** The place of the test among those of the same full name in its file, from 1. */
export function ordinalOf(task: Task & { readonly file: Task }): number {
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
