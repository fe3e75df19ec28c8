/** Sending signals to processes and groups that may have ended meanwhile. */

/**
 * Sends a signal to a process, or to a group if `target` is negative. False if there is none, or none that we may
 * signal.
 */
export function sendSignal(target: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(target, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ESRCH' || code === 'EPERM') return false;
    throw error;
  }
}
