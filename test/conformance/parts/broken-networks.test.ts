import { afterEach, expect, test, vi } from 'vitest';
import { Fabric } from '../../../src/cluster/fabric.ts';
import { Link } from '../../../src/cluster/link.ts';
import { SimulatedClusterNode } from '../../../src/cluster/node.ts';
import { simulatedNetworkCases } from '../../../src/conformance/parts/simulated-network-cases.ts';
import { simulatedNetwork } from './part-subjects.ts';

afterEach(() => void vi.restoreAllMocks());

type Given<Method> = Method extends (...given: infer Arguments) => unknown ? Arguments : never;

/** Replaces a method of all objects of a class by `broken`, which may call the one before it. */
function breakMethod<Part extends object, Name extends keyof Part>(
  prototype: Part,
  name: Name,
  broken: (before: Part[Name], part: Part, ...given: Given<Part[Name]>) => unknown,
): void {
  const before = prototype[name] as (this: Part, ...given: unknown[]) => unknown;
  const methods = prototype as Record<Name, (...given: unknown[]) => unknown>;
  vi.spyOn(methods, name as never).mockImplementation(function (this: Part, ...given: unknown[]) {
    return broken(before.bind(this) as Part[Name], this, ...(given as Given<Part[Name]>));
  } as never);
}

const ONE_END = 'under any faults, each copy of a message is delivered, refused or lost exactly once';

test.each<readonly [what: string, title: string, spoil: () => void]>([
  [
    'whose losses are in no trace',
    ONE_END,
    () =>
      breakMethod(Link.prototype, 'trace', (before, _link, envelope, step, reason) => {
        if (step !== 'lost') before(envelope, step, reason);
      }),
  ],
  [
    'that delivers each reply three times',
    ONE_END,
    () =>
      breakMethod(Fabric.prototype, 'deliver', (before, _fabric, envelope) => {
        for (let times = envelope.kind === 'reply' ? 3 : 1; times > 0; times -= 1) before(envelope);
      }),
  ],
  ['without faults', ONE_END, () => breakMethod(Fabric.prototype, 'strike', () => undefined)],
  [
    'that loses the answers of a process when it dies',
    'a restart loses neither the calls nor the answers',
    () => {
      const dead = new Set<string>();
      breakMethod(SimulatedClusterNode.prototype, 'wentDown', (before, { name, incarnation }, cause) => {
        dead.add(`${name}/${incarnation}`);
        before(cause);
      });
      breakMethod(Fabric.prototype, 'deliver', (before, _fabric, envelope) => {
        if (envelope.kind !== 'reply' || !dead.has(`${envelope.from}/${envelope.incarnation}`)) {
          before(envelope);
        }
      });
    },
  ],
  [
    'that ends one hold per release',
    'a hold of several links is released link by link',
    () =>
      breakMethod(Fabric.prototype, 'end', (before, _fabric, isMeant) => {
        let held = 1;
        before((outage) => isMeant(outage) && (outage.kind !== 'hold' || (held -= 1) === 0));
      }),
  ],
])('a network %s does not pass: %s', async (_what, title, spoil) => {
  const [found] = simulatedNetworkCases.filter((each) => each.title.startsWith(title));
  if (found === undefined) throw new Error(`there is no case "${title}"`);
  await found.prove(simulatedNetwork);
  spoil();
  await expect(found.prove(simulatedNetwork)).rejects.toThrow();
});
