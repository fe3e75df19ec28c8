import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { forwardingProxy } from '../../src/call/forwarding-proxy.ts';

/** An object with all that a proxy has to forward. */
class Account {
  owner = 'a';
  ids?: number[] = [1];
  readonly log = Object.assign((text: string): string => `log ${text}`, { level: 'all' });
  #balance = 0;

  get balance(): number {
    return this.#balance;
  }

  set balance(balance: number) {
    this.#balance = balance;
  }

  add(by: number): number {
    this.#balance += by;
    return this.#balance;
  }
}

function forwarded() {
  const account = new Account();
  const calls: string[] = [];
  const proxy = forwardingProxy(account, ({ name, method, args }) => {
    calls.push(`${String(name)}(${args.join(', ')})`);
    return Reflect.apply(method, account, args);
  });
  return { account, calls, proxy };
}

describe('forwardingProxy', () => {
  test('performs the calls of methods on the object, wherever they are', () => {
    const { account, calls, proxy } = forwarded();
    const { add } = proxy;
    expect([proxy.add(1), add(2), proxy.log('x'), { ...proxy }.log('y')]).toEqual([1, 3, 'log x', 'log y']);
    expect(Object.getOwnPropertyDescriptor(proxy, 'log')?.value).toBe(proxy.log);
    expect(calls).toEqual(['add(1)', 'add(2)', 'log(x)', 'log(y)']);
    expect(account.balance).toBe(3);
  });

  test('has the properties of the object, and its class', () => {
    const { account, proxy } = forwarded();
    expect(Object.keys(proxy)).toEqual(['owner', 'ids', 'log']);
    expect(JSON.stringify(proxy)).toBe('{"owner":"a","ids":[1]}');
    expect({ ...proxy }).toMatchObject({ owner: 'a', ids: account.ids });
    expect([Object.hasOwn(proxy, 'owner'), Object.hasOwn(proxy, 'add')]).toEqual([true, false]);
    expect(['add', 'owner', 'other'].map((name) => name in proxy)).toEqual([true, true, false]);
    expect(proxy).toBeInstanceOf(Account);
    expect(proxy.constructor).toBe(Account);
    expect(inspect(proxy)).toBe(inspect(account));
  });

  test('changes the object', () => {
    const { account, proxy } = forwarded();
    proxy.balance = 7;
    delete proxy.ids;
    Object.defineProperty(proxy, 'owner', { value: 'b' });
    expect([account.balance, proxy.balance, account.owner, proxy.owner]).toEqual([7, 7, 'b', 'b']);
    expect(Object.hasOwn(account, 'ids')).toBe(false);
    class Other {}
    Object.setPrototypeOf(proxy, Other.prototype);
    expect([account, proxy]).toEqual([expect.any(Other), expect.any(Other)]);
  });

  test('a method is one function, with the properties of its own, until it is replaced', () => {
    const { account, calls, proxy } = forwarded();
    const { add, log } = proxy;
    expect([proxy.add, proxy.log, log.level, add.length]).toEqual([add, log, 'all', 1]);
    account.add = () => 9;
    expect(proxy.add).not.toBe(add);
    expect([proxy.add(1), add(1)]).toEqual([9, 1]);
    proxy.add = add;
    Object.defineProperty(proxy, 'log', { value: log });
    calls.length = 0;
    expect([proxy.add(1), proxy.log('x')]).toEqual([2, 'log x']);
    expect(calls).toEqual(['add(1)', 'log(x)']);
  });

  test('stands for a frozen object, and says of no object that it is frozen', () => {
    const frozen = Object.freeze({ read: () => 7 });
    const proxy = forwardingProxy(frozen, () => 8);
    expect([proxy.read(), Object.keys(proxy), { ...proxy }.read()]).toEqual([8, ['read'], 8]);
    expect(Object.isFrozen(proxy)).toBe(false);
    expect(() => Object.freeze(proxy)).toThrow(TypeError);
    expect(Reflect.preventExtensions(forwarded().proxy)).toBe(false);
    const { account, proxy: other } = forwarded();
    const fixed = { value: 'b', configurable: false };
    expect(() => Object.defineProperty(other, 'owner', fixed)).toThrow(TypeError);
    expect(account.owner).toBe('a');
  });
});
