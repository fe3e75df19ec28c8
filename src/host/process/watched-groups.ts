/**
 * Whether execers watch their process groups if their options do not say. In a file of its own, because the command
 * line sets it in processes that may never start anything, and so need no watchdog.
 */

let isDefault = false;

/**
 * From now on, execers of this thread have their commands ended when this process dies, unless their options say that
 * they do not.
 */
export function watchGroupsByDefault(): void {
  isDefault = true;
}

/** True once {@link watchGroupsByDefault} was called. */
export function groupsAreWatchedByDefault(): boolean {
  return isDefault;
}
