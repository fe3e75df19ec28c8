/** What else reads a clock: `performance`, `process.hrtime`, `process.uptime`, `AbortSignal.timeout`. */
import { hub } from '../hub.ts';
import { standInFor } from './stand-in.ts';

const NS_PER_MS = 1_000_000;
const NS_PER_S = 1_000_000_000n;

export function installClocks(): void {
  const prototype = Object.getPrototypeOf(performance) as object;
  standInFor('performance.now', prototype, 'now', (real: (this: unknown) => number) => {
    return function () {
      return hub.world?.now() ?? real.call(this);
    };
  });
  type HrTime = (this: unknown, since?: [number, number]) => [number, number];
  standInFor('process.hrtime', process, 'hrtime', (real: HrTime): HrTime => (since) => {
    const { world } = hub;
    if (world === undefined || (since !== undefined && !Array.isArray(since))) return real(since);
    const sinceNs = since === undefined ? 0n : BigInt(since[0]) * NS_PER_S + BigInt(since[1]);
    const ns = nsOf(world.now()) - sinceNs;
    const rest = ((ns % NS_PER_S) + NS_PER_S) % NS_PER_S;
    return [Number((ns - rest) / NS_PER_S), Number(rest)];
  });
  standInFor('process.hrtime.bigint', process.hrtime, 'bigint', (real: () => bigint) => () => {
    const { world } = hub;
    return world === undefined ? real() : nsOf(world.now());
  });
  standInFor('process.uptime', process, 'uptime', (real: () => number) => () => {
    const { world } = hub;
    return world === undefined ? real() : world.now() / 1000;
  });
  standInFor('AbortSignal.timeout', AbortSignal, 'timeout', (real: (ms: number) => AbortSignal) => (ms) => {
    const { world } = hub;
    if (world === undefined || !(Number.isSafeInteger(ms) && ms >= 0)) return real.call(AbortSignal, ms);
    const controller = new AbortController();
    const abort = (): void =>
      controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
    world.setTimer('setTimeout', abort, ms, []).unref();
    return controller.signal;
  });
}

function nsOf(ms: number): bigint {
  return BigInt(Math.round(ms * NS_PER_MS));
}
