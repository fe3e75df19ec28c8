/**
 * What a rewritten await costs: without a simulation beside the same code as it was, and in one as a decision. Invariant: all ways do the
 * same awaits, in interleaved rounds of one process.
 */
import { simulate, type SimulateOptions } from '../src/index.ts';
import { ambientTime, rewriteAwaits, type AmbientOptions } from '../src/ambient/index.ts';
import type { Figure } from './figure.ts';
import { interleave, median, type Cost } from './measure.ts';

const AWAITS = 2_000_000;
const SIMULATED = 240_000;
const FLOWS = 8;
const ROUNDS_MIN = 9;
const OUTSIDE_NS_MAX = 5;
const INSIDE_NS_MAX = 1000;

const CODE = `
async function one(value) { return value; }
return async function flow(awaits) {
  let sum = 0;
  for (let done = 0; done < awaits; done += 1) sum += await one(done);
  return sum;
};
`;

type Flow = (awaits: number) => Promise<number>;

function compiled(code: string): Flow {
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- what is measured is rewritten text
  return (new Function(code) as () => Flow)();
}

async function simulated(flow: Flow, options: AmbientOptions): Promise<void> {
  const scenario: SimulateOptions['scenario'] = async () => {
    await Promise.all(Array.from({ length: FLOWS }, () => flow(SIMULATED / FLOWS)));
  };
  const { held, failure } = await simulate({ ambient: ambientTime(options), scenario });
  if (!held) throw new Error(failure?.message);
}

/** Nanoseconds of CPU time by which a rewritten await takes more than the same code as it was. */
export async function measureAwaits(rounds: number): Promise<Figure[]> {
  const plain = compiled(CODE);
  const rewritten = compiled(rewriteAwaits(CODE, { file: 'flow.cjs' })?.code ?? '');
  const ways = {
    native: () => plain(AWAITS),
    outside: () => rewritten(AWAITS),
    hops: () => simulated(rewritten, { awaits: 'hops' }),
    latency: () => simulated(rewritten, { awaits: 'latency' }),
  };
  await interleave(ways, 2);
  const costs = await interleave(ways, Math.max(rounds, ROUNDS_MIN));
  const nsEach = ({ cpuMs }: Cost, awaits: number): number => (cpuMs * 1e6) / awaits;
  const native = costs.native.map((cost) => nsEach(cost, AWAITS));
  const more = costs.outside.map((cost, i) => nsEach(cost, AWAITS) - (native[i] ?? NaN));
  const peer = `the same await as it was: ${median(native).toFixed(1)} ns`;
  const common = { unit: 'ns', goalIs: 'most', by: 'CPU time', peer } as const;
  return [
    {
      ...common,
      name: 'rewritten await without a simulation, more than native',
      value: median(more),
      goal: OUTSIDE_NS_MAX,
      note: `median difference of interleaved rounds, ${AWAITS} awaits of an async function each`,
    },
    ...(['hops', 'latency'] as const).map((level) => ({
      ...common,
      name: `rewritten await in a simulation, ${level}, more than native`,
      value: median(costs[level].map((cost, i) => nsEach(cost, SIMULATED) - (native[i] ?? NaN))),
      goal: INSIDE_NS_MAX,
      note: `median difference, ${FLOWS} flows of ${SIMULATED / FLOWS} awaits with random decisions`,
    })),
  ];
}
