/** All who wait on one store, together; made when the first one comes. */
import { RunWaiters } from './run-waiters.ts';
import { ServiceWaiters } from './service-waiters.ts';
import { WaiterRegister, type WaiterSurroundings } from './waiter-register.ts';

/** The register of all waiters, and the two kinds that stand in it. */
export class Waiters {
  readonly register: WaiterRegister;
  readonly runs: RunWaiters;
  readonly service: ServiceWaiters;

  constructor(around: WaiterSurroundings) {
    this.register = new WaiterRegister(around);
    this.runs = new RunWaiters(this.register);
    this.service = new ServiceWaiters(this.register);
  }
}
