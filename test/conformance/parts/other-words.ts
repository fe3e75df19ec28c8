// Parts with the same behaviour and codes of errors, whose messages, labels and reports are worded otherwise.
import type { Choices } from '../../../src/kernel/decisions.ts';
import { isRunnerError } from '../../../src/kernel/errors.ts';
import { question } from '../../../src/kernel/question.ts';
import type { TraceEvent, Tracer } from '../../../src/model/trace-event.ts';
import type { World } from '../../../src/model/world.ts';

const parts = new WeakMap<object, object>();
const originals = new WeakMap<object, object>();

const isPart = (value: unknown): value is object =>
  typeof value === 'object' &&
  value !== null &&
  !(value instanceof Promise) &&
  !Object.isFrozen(value) &&
  (Object.getPrototypeOf(value) !== Object.prototype ||
    Object.values(value).some((member) => typeof member === 'function')) &&
  !Array.isArray(value) &&
  !ArrayBuffer.isView(value) &&
  !(value instanceof Error) &&
  !(value instanceof Map) &&
  !(value instanceof Set);

function reworded(error: unknown): unknown {
  if (isRunnerError(error) && error.code !== 'RUNNER_UNKNOWN_RUN') {
    Object.defineProperty(error, 'message', { value: 'said in other words' });
  }
  return error;
}

function wrapResult(result: unknown): unknown {
  if (result instanceof Promise) {
    const known = parts.get(result);
    if (known !== undefined) return known;
    const promise = result.then(wrapResult, (error: unknown) => {
      throw reworded(error);
    });
    parts.set(result, promise);
    return promise;
  }
  return isPart(result) ? inOtherWords(result) : inOtherTexts(result);
}

const own = (text: string): string => `in other words, ${text}`;
const reports = new WeakMap<object, unknown>();

/** The same report, or list of reports, with texts of its own. */
function inOtherTexts(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOtherTexts);
  if (typeof value !== 'object' || value === null || !('faults' in value || 'rule' in value)) return value;
  const known = reports.get(value);
  if (known !== undefined) return known;
  const { faults, text } = value as { readonly faults?: readonly string[]; readonly text?: string };
  const report = Object.freeze({
    ...value,
    ...(faults === undefined ? {} : { faults: faults.map(own) }),
    ...(text === undefined ? {} : { text: own(text) }),
  });
  reports.set(value, report);
  return report;
}

/** The same choices, asked by labels of its own. */
export function choicesInOtherWords(choices: Choices): Choices {
  return {
    choose: (asked, n, describe) =>
      choices.choose(
        typeof asked === 'string' ? own(asked) : question(asked.kind, own(asked.topic.text)),
        n,
        describe,
      ),
  };
}

export const worldInOtherWords = <W extends Pick<World, 'choices'>>(world: W): W => ({
  ...world,
  choices: choicesInOtherWords(world.choices),
});

/** The same simulation, whose world asks by other labels. */
export function simInOtherWords<Sim extends { readonly world: World }>(sim: Sim): Sim {
  const world = worldInOtherWords(sim.world);
  return new Proxy(sim, {
    get(target, key) {
      if (key === 'world') return world;
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

/** The same tracer, with other names of waits and other texts of what is recorded. */
export function tracerInOtherWords(tracer: Tracer): Tracer {
  const changed = (event: TraceEvent): TraceEvent => {
    if (event.type === 'recorded') return { ...event, error: own(event.error) };
    if ('resource' in event && event.resource === 'waiter') return { ...event, name: own(event.name) };
    return event;
  };
  return { record: (event) => tracer.record(changed(event)) };
}

const unwrapped = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? (originals.get(value) ?? value) : value;

/** The same function, and all that it makes, in other words. */
export function callInOtherWords(call: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
  return (...args) => {
    try {
      return wrapResult(call(...args.map(unwrapped)));
    } catch (error) {
      throw reworded(error);
    }
  };
}

/** The same part, and all that it makes, in other words. */
export function inOtherWords<T extends object>(part: T): T {
  const known = parts.get(part);
  if (known !== undefined) return known as T;
  const methods = new Map<PropertyKey, unknown>();
  const proxy = new Proxy(part, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return inOtherTexts(value);
      // What a stub gives is looked at by functions that know ours only.
      if (key === 'connect' || key === 'through') return value.bind(target) as unknown;
      const method = methods.get(key) ?? callInOtherWords(value.bind(target) as () => unknown);
      methods.set(key, method);
      return method;
    },
  });
  parts.set(part, proxy);
  originals.set(proxy, part);
  return proxy;
}
