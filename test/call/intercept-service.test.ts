import { describe, expect, test } from 'vitest';
import {
  callAs,
  callingClient,
  interceptInPlace,
  interceptService,
  type Around,
} from '../../src/call/intercept-service.ts';
import type { ServiceCall } from '../../src/call/service-call.ts';
import type { Query, Wait } from '../../src/model/query.ts';
import { HEALTHY_SERVICE_STATUS } from '../../src/model/service-status.ts';
import { SERVICE_METHODS, type Service } from '../../src/model/service.ts';
import { ALL_MASK } from '../../src/model/state-mask.ts';
import { statusOf } from '../oracles/hand-made-trace.ts';

const command = { argv: ['true'] };
const query: Query = { runs: ['3'], states: ALL_MASK };
const wait: Wait = { timeoutMs: 5, signal: new AbortController().signal };
const status = statusOf('3', 'RUNNING');
const statuses = { statuses: [status], service: HEALTHY_SERVICE_STATUS };

/** Remembers what reached it, and answers each method with a promise of its own. */
class Behind implements Service {
  reached: ServiceCall[] = [];
  readonly replies = {
    run: Promise.resolve(status),
    abort: Promise.resolve(status),
    query: Promise.resolve(statuses),
    queryNow: Promise.resolve(statuses),
    status: Promise.resolve({ status, service: HEALTHY_SERVICE_STATUS }),
    statusAll: Promise.resolve(statuses),
    release: Promise.resolve(),
  };
  thrown: Error | undefined;
  // Breaks as soon as a method is called on anything else.
  #calls = 0;

  run(...args: Parameters<Service['run']>): ReturnType<Service['run']> {
    return this.#reach('run', { method: 'run', args });
  }
  abort(...args: Parameters<Service['abort']>): ReturnType<Service['abort']> {
    return this.#reach('abort', { method: 'abort', args });
  }
  query(...args: Parameters<Service['query']>): ReturnType<Service['query']> {
    return this.#reach('query', { method: 'query', args });
  }
  queryNow(...args: Parameters<Service['queryNow']>): ReturnType<Service['queryNow']> {
    return this.#reach('queryNow', { method: 'queryNow', args });
  }
  status(...args: Parameters<Service['status']>): ReturnType<Service['status']> {
    return this.#reach('status', { method: 'status', args });
  }
  statusAll(): ReturnType<Service['statusAll']> {
    return this.#reach('statusAll', { method: 'statusAll', args: [] });
  }
  release(): ReturnType<Service['release']> {
    return this.#reach('release', { method: 'release', args: [] });
  }

  get calls(): number {
    return this.#calls;
  }

  #reach<M extends keyof Behind['replies']>(method: M, call: ServiceCall): Behind['replies'][M] {
    this.#calls += 1;
    this.reached.push(call);
    if (this.thrown !== undefined) throw this.thrown;
    return this.replies[method];
  }
}

const CALLS: readonly (readonly [ServiceCall, (service: Service) => Promise<unknown>])[] = [
  [{ method: 'run', args: [command] }, (service) => service.run(command)],
  [{ method: 'abort', args: ['3'] }, (service) => service.abort('3')],
  [{ method: 'query', args: [query, wait] }, (service) => service.query(query, wait)],
  [{ method: 'queryNow', args: [query] }, (service) => service.queryNow(query)],
  [{ method: 'status', args: ['3'] }, (service) => service.status('3')],
  [{ method: 'statusAll', args: [] }, (service) => service.statusAll()],
  [{ method: 'release', args: [] }, (service) => service.release()],
];

test('the table has each method', () => {
  expect(CALLS.map(([{ method }]) => method)).toEqual(SERVICE_METHODS);
});

describe.for([
  ['interceptService', interceptService],
  ['interceptInPlace', interceptInPlace],
] as const)('%s', ([, intercept]) => {
  test.for(CALLS)('passes $0.method in the same synchronous call', ([call, make]) => {
    const behind = new Behind();
    const seen: ServiceCall[] = [];
    const front = intercept(behind, (made, proceed) => {
      seen.push(made);
      expect(behind.reached).toEqual([]);
      return proceed(made);
    });
    const reply = make(front);
    expect(seen).toEqual([call]);
    expect(behind.reached).toEqual([call]);
    call.args.forEach((arg, index) => {
      expect(behind.reached[0]?.args[index]).toBe(arg);
    });
    expect(reply).toBe(behind.replies[call.method]);
  });

  test.for(CALLS)('passes on what $0.method throws or rejects with', async ([, make]) => {
    const behind = new Behind();
    const error = new Error('mine');
    behind.thrown = error;
    const front = intercept(behind, (call, proceed) => proceed(call));
    expect(() => make(front)).toThrow(error);
    const refusing = intercept(new Behind(), () => Promise.reject(error));
    await expect(make(refusing)).rejects.toBe(error);
  });

  test.for(CALLS)('$0.method can be kept back, changed and repeated', async ([call, make]) => {
    const behind = new Behind();
    const none: Around = async (_call, proceed) => {
      await Promise.resolve();
      void proceed({ method: 'statusAll', args: [] });
      return proceed(call);
    };
    const reply = make(intercept(behind, none));
    expect(behind.reached).toEqual([]);
    await reply;
    expect(behind.reached).toEqual([{ method: 'statusAll', args: [] }, call]);
  });

  test('a method keeps its identity', () => {
    const front = intercept(new Behind(), (call, proceed) => proceed(call));
    for (const method of SERVICE_METHODS) expect(front[method]).toBe(front[method]);
  });

  test('needs a service and a function', () => {
    const around: Around = (call, proceed) => proceed(call);
    expect(() => intercept({ run: () => {} } as never, around)).toThrow(
      'service: expected an object with abort()',
    );
    expect(() => intercept(new Behind(), 1 as never)).toThrow('around: expected a function');
  });
});

test('intercepting leaves the service unchanged; intercepting in place keeps its identity', async () => {
  const behind = new Behind();
  let seen = 0;
  const count: Around = (call, proceed) => {
    seen += 1;
    return proceed(call);
  };
  await interceptService(behind, count).statusAll();
  await behind.statusAll();
  expect([seen, behind.calls]).toEqual([1, 2]);
  expect(interceptInPlace(behind, count)).toBe(behind);
  await behind.statusAll();
  expect([seen, behind.calls]).toEqual([2, 3]);
});

test('interceptors in place are layers: the last one added sees a call first', async () => {
  const behind = new Behind();
  const order: string[] = [];
  const layer =
    (name: string): Around =>
    (call, proceed) => {
      order.push(name);
      return proceed(call);
    };
  interceptInPlace(interceptInPlace(behind, layer('inner')), layer('outer'));
  await behind.abort('3');
  expect(order).toEqual(['outer', 'inner']);
  expect(behind.calls).toBe(1);
});

test('the client of a call is the innermost one that makes it synchronously', () => {
  expect(callingClient()).toBe(undefined);
  const seen = callAs('a', () => [callingClient(), callAs('b', callingClient), callingClient()]);
  expect(seen).toEqual(['a', 'b', 'a']);
  expect(() =>
    callAs('a', () => {
      throw new Error('mine');
    }),
  ).toThrow('mine');
  expect(callingClient()).toBe(undefined);
});
