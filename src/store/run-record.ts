/** One run as the store holds it: its latest status, and who waits on it. */
import type { RunType } from '../model/run-type.ts';
import type { RunStatus } from '../model/run-status.ts';
import type { RunWaiter } from './run-waiter.ts';
import type { Awaited, WaiterList } from './waiter-list.ts';

/** A run of the store. */
export class RunRecord implements Awaited<RunWaiter> {
  status: RunStatus;
  readonly runType: RunType;
  lists: WaiterList<RunWaiter> | undefined = undefined;

  constructor(status: RunStatus, runType: RunType) {
    this.status = status;
    this.runType = runType;
  }
}
