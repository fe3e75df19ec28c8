// Programs that only a thread of their own can hold: with timers of the machine, and with loops that have no end.
import { createMutex } from '../../../src/locks/mutex.ts';
import type { NodeContext } from '../../../src/model/node-context.ts';

const TICK_MS = 1_000;

export function ticksAndThrows(): never {
  setInterval(() => undefined, TICK_MS);
  throw new Error('no port is free');
}

export async function ticksAndRejects({ sleep }: NodeContext): Promise<never> {
  setInterval(() => undefined, TICK_MS);
  await sleep(1);
  throw Object.assign(new Error('no port is free'), { code: 'E_PORT' });
}

interface Hanging {
  never(): Promise<void>;
}

const hanging: Hanging = { never: () => new Promise(() => {}) };

export function rejectsMessages({ onMessage }: NodeContext): Hanging {
  setInterval(() => undefined, TICK_MS);
  onMessage((message) => Promise.reject(new Error(`${String(message)} is no message`)));
  return hanging;
}

export function throwsOnMessages({ onMessage }: NodeContext): Hanging {
  setInterval(() => undefined, TICK_MS);
  onMessage((message) => {
    throw new Error(`${String(message)} is no message`);
  });
  return hanging;
}

export function cannotFlush({ onStop }: NodeContext): void {
  setInterval(() => undefined, TICK_MS);
  onStop(() => {
    throw new Error('cannot flush');
  });
}

function block(): never {
  for (;;);
}

export function blocks(): { block(): never; ping(): string } {
  return { block, ping: () => 'pong' };
}

export function blocksAsItStarts(): never {
  return block();
}

/** The first process starts, and no later one comes to. */
export async function hangsFromTheSecond({ incarnation }: NodeContext): Promise<void> {
  if (incarnation > 0) await new Promise<void>(() => {});
}

export function throwsUndefined({ clock }: NodeContext): Hanging {
  clock.timer('poll', 1, () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- a program can throw anything
    throw undefined;
  });
  return hanging;
}

/** No thread can clone the error as it is. */
export function throwsUncloneable({ clock }: NodeContext): Hanging {
  clock.timer('poll', 1, () => {
    throw Object.assign(new RangeError('no route'), { code: 'E_ROUTE', request: { retry: () => undefined } });
  });
  return hanging;
}

export function notes({ note }: NodeContext): void {
  note('it starts');
}

export interface Holder {
  hold(): Promise<string | undefined>;
}

export function holdsLock({ world }: NodeContext): Holder {
  const mutex = createMutex(world, { name: 'jobs' });
  return {
    async hold() {
      await mutex.acquire();
      return mutex.holder;
    },
  };
}

export interface Oracle {
  ask(question: string): Promise<string>;
  answerFirst(): void;
  /** Number of questions without an answer. */
  left(): number;
}

export function oracle(): Oracle {
  const answers: (() => void)[] = [];
  return {
    ask: (question) =>
      new Promise((resolve) => {
        answers.push(() => resolve(`the answer to ${question}`));
      }),
    answerFirst: () => answers.shift()?.(),
    left: () => answers.length,
  };
}

export function asksAndFails({ connect }: NodeContext): never {
  void connect<Oracle>('oracle').ask('the first');
  throw new Error('no port is free');
}

export interface Asker {
  heard(): string;
}

export function asks({ connect }: NodeContext): Asker {
  let heard = 'nothing';
  void connect<Oracle>('oracle')
    .ask('the second')
    .then((answer) => (heard = answer));
  return { heard: () => heard };
}

export async function callsScenario({ connect }: NodeContext): Promise<{ code(): unknown }> {
  const code = await connect<{ ask(): void }>('scenario')
    .ask()
    .catch((error: unknown) => (error as { readonly code?: unknown }).code);
  return { code: () => code };
}
