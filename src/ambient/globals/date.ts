/** `Date`: it reads the clock of the simulation, and does everything else itself. */
import { hub } from '../hub.ts';
import { standInFor, type AnyFunction } from './stand-in.ts';

export function installDate(): void {
  const RealDate = Date;
  const realNow = Date.now;
  standInFor('Date', globalThis, 'Date', (): AnyFunction => {
    function StandIn(...args: unknown[]): unknown {
      const { world } = hub;
      const made = new.target as unknown;
      if (made === undefined) {
        return world === undefined ? RealDate() : new RealDate(world.dateMs()).toString();
      }
      const given = args.length === 0 && world !== undefined ? [world.dateMs()] : args;
      if (made === StandIn) return new RealDate(...(given as []));
      return Reflect.construct(RealDate, given, new.target);
    }
    // It has to be there before the other properties are copied, as it cannot be defined again.
    Object.defineProperty(StandIn, 'prototype', { value: RealDate.prototype, writable: false });
    return StandIn;
  });
  Object.defineProperty(RealDate.prototype, 'constructor', {
    value: Date,
    writable: true,
    configurable: true,
  });
  standInFor('Date.now', Date, 'now', () => () => hub.world?.dateMs() ?? realNow());
}
