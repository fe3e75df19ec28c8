/**
 * Formats durations as Go does, such as `10m0s` or `1.5ms`, because the texts of commands are part of the contract
 * (R17).
 */
import { invalidArgument } from '../kernel/errors.ts';

const NS_PER_MS = 1_000_000n;
const NS_PER_SECOND = 1_000_000_000n;

/**
 * Formats milliseconds as a Go duration, rounded to nanoseconds. Non-finite numbers are formatted as in JavaScript.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a number.
 * @example
 * ```ts
 * import { formatGoDuration } from 'dryrunner';
 * console.log(formatGoDuration(5_400_000)); // 1h30m0s
 * ```
 */
export function formatGoDuration(ms: number): string {
  if (typeof ms !== 'number') throw invalidArgument('ms', 'a number of milliseconds', ms);
  if (!Number.isFinite(ms)) return String(ms);
  const wholeMs = Math.trunc(ms);
  const ns = BigInt(wholeMs) * NS_PER_MS + BigInt(Math.round((ms - wholeMs) * 1e6));
  return ns < 0n ? `-${formatNs(-ns)}` : formatNs(ns);
}

function formatNs(ns: bigint): string {
  if (ns === 0n) return '0s';
  if (ns < 1_000n) return `${ns}ns`;
  if (ns < NS_PER_MS) return `${decimal(ns, 1_000n)}µs`;
  if (ns < NS_PER_SECOND) return `${decimal(ns, NS_PER_MS)}ms`;
  const minutes = ns / (60n * NS_PER_SECOND);
  const seconds = `${decimal(ns % (60n * NS_PER_SECOND), NS_PER_SECOND)}s`;
  if (minutes === 0n) return seconds;
  return minutes < 60n ? `${minutes}m${seconds}` : `${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

/** `ns / unit` without trailing zeros; the unit is a power of ten. */
function decimal(ns: bigint, unit: bigint): string {
  const digits = String(unit).length - 1;
  const fraction = String(ns % unit)
    .padStart(digits, '0')
    .replace(/0+$/, '');
  return fraction === '' ? String(ns / unit) : `${ns / unit}.${fraction}`;
}
