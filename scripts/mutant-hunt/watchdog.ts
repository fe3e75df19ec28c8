// Notices that a process hangs. Invariant: a busy machine, which gives it little time of the processor, makes nothing hang.
import { readdirSync, readFileSync } from 'node:fs';

const WATCH_MS = 2_000;
/** Real time without a sign of life, for a process that waits for what never comes. */
const IDLE_MS = 600_000;
/** Of the clock that Linux counts processor time with. */
const TICK_MS = 10;

/** Processor time of all living processes of a group, in milliseconds; 0 where nothing says it. */
function cpuMsOf(group: number): number {
  let ticks = 0;
  for (const pid of processIds()) {
    try {
      // The name of the program, in brackets, may hold anything.
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '');
      const fields = stat.split(' ').map(Number);
      if (fields[2] === group) ticks += (fields[11] ?? 0) + (fields[12] ?? 0);
    } catch {
      // It has ended.
      continue;
    }
  }
  return ticks * TICK_MS;
}

function processIds(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** Calls `onHang` once a group of processes has shown no sign of life for too much of its time. */
export class Watchdog {
  readonly #group: number;
  readonly #timer: NodeJS.Timeout;
  #cpuMs: number;
  #seenAt = performance.now();

  /** `group` is the id of its first process. */
  constructor(group: number, maxCpuMs: number, onHang: () => void) {
    this.#group = group;
    this.#cpuMs = cpuMsOf(group);
    this.#timer = setInterval(() => {
      const usedMs = cpuMsOf(group) - this.#cpuMs;
      // Processes of a group that have ended are no longer counted.
      if (usedMs < 0) this.#cpuMs += usedMs;
      if (usedMs > maxCpuMs || performance.now() - this.#seenAt > IDLE_MS) onHang();
    }, WATCH_MS);
  }

  /** It has shown one. */
  see(): void {
    this.#cpuMs = cpuMsOf(this.#group);
    this.#seenAt = performance.now();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
