/**
 * The world of a simulation with somebody who sees what is asked of the exploration and what gets into the trace. Invariant: it changes neither;
 * a fault that was decided is in the trace before the next event (R212).
 */
import type { Simulation, TraceEvent } from 'dryrunner';

/** A question about a fault or a delay, and what was answered. */
export interface AskedFault {
  readonly kind: 'fault' | 'delay';
  readonly text: string;
  readonly n: number;
  readonly answer: number;
  readonly isFault: boolean;
}

type World = Simulation['world'];

const LOSSES = ['lost', 'torn', 'zeroed'];

function isOfFault(event: TraceEvent): boolean {
  return event.type === 'fault' || (event.type === 'disk' && LOSSES.includes(event.step));
}

/** See above. Made by {@link seeWorld}. */
export class SeenWorld implements Pick<Simulation, 'world' | 'onEnd'> {
  readonly world: World;
  readonly #sim: Simulation;
  #events: TraceEvent[] = [];
  #asked: AskedFault[] = [];
  /** What was decided, and is not in the trace. */
  #due: string | undefined;
  #strikes = 0;

  constructor(sim: Simulation) {
    this.#sim = sim;
    const { choices, tracer } = sim.world;
    this.world = {
      ...sim.world,
      choices: {
        choose: (asked, n, describe) => {
          const answer = choices.choose(asked, n, describe);
          if (typeof asked !== 'string' && (asked.kind === 'fault' || asked.kind === 'delay')) {
            const { kind, text } = asked;
            // In words, an answer without a fault is nothing.
            const isFault = kind === 'fault' && answer > 0 && describe?.(answer, asked) !== '';
            this.#answered({ kind, text, n, answer, isFault });
          }
          return answer;
        },
      },
      tracer: {
        get keepsEvents() {
          return tracer.keepsEvents === true;
        },
        record: (event) => {
          tracer.record(event);
          this.#see(event);
        },
      },
    };
    sim.always('R212 each fault that is decided is in the trace', () => {
      if (this.#due !== undefined) throw new Error(`nothing in the trace says what came of "${this.#due}"`);
      return true;
    });
  }

  /** `fault` events so far. */
  get strikes(): number {
    return this.#strikes;
  }

  onEnd(hook: () => void | Promise<void>): void {
    this.#sim.onEnd(hook);
  }

  /** Events since the last time; a test takes what it asks about. */
  takeEvents(): readonly TraceEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** Questions about faults and delays since the last time. */
  takeAsked(): readonly AskedFault[] {
    const asked = this.#asked;
    this.#asked = [];
    return asked;
  }

  #answered(asked: AskedFault): void {
    this.#asked.push(asked);
    if (asked.isFault) this.#due = asked.text;
  }

  #see(event: TraceEvent): void {
    this.#events.push(event);
    if (!isOfFault(event)) return;
    this.#due = undefined;
    if (event.type === 'fault') this.#strikes += 1;
  }
}
