/**
 * A wait that reports can name: who waits, for what, and who is expected to end it. Invariant: it is in the trace from
 * beginning to end, so that a deadlock, a stall or a leftover shows it with its start and place (R211); without a
 * tracer it costs nothing.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { SCENARIO_OWNER, WORLD_OF_TIME, type World } from '../model/world.ts';

/** The world of locks and waits: `sim.world`, the world of a node, or `realWorld()`. */
export type LockWorld = Pick<World, 'clock' | 'choices' | 'tracer' | 'node'>;

/** Describes a wait for reports. */
export interface NotedWait {
  /** What is awaited, as a noun: `mutex jobs`, `the answer to acquire(7)`. */
  readonly name: string;
  /** Who waits. Default: the node to which the world belongs, or else the scenario. */
  readonly owner?: string | undefined;
  /**
   * Who is expected to end the wait, such as the node that must answer. Not needed for a lock of that name, whose
   * holder is known.
   */
  readonly from?: string | undefined;
}

/** Argument shape of the name of an owner or a lock. */
export const NAME: is.TextShape = is.text('a name', /./);
const NOTED_WAIT = is.objectOf<NotedWait>(
  'what is awaited, by whom and from whom',
  { name: NAME },
  { owner: NAME, from: NAME },
);

const NOTHING = (): void => undefined;

/** The given owner, or by default the world's node or the scenario. */
export function ownerIn({ node }: Pick<LockWorld, 'node'>, owner?: string): string {
  return owner ?? node ?? SCENARIO_OWNER;
}

/**
 * Records that a wait begins. Call the returned function once, when the wait ends. A crash of the node ends it in the
 * trace.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a world and names.
 * @example
 * ```ts
 * import { noteWait } from 'dryrunner/cluster';
 * import { simulate } from 'dryrunner';
 * const { failure } = await simulate({
 *   async scenario(sim) {
 *     const end = noteWait(sim.world, { owner: 'a', name: 'the vote', from: 'b' });
 *     await new Promise(() => undefined);
 *     end();
 *   },
 * });
 * console.log(failure?.details[0]); // a waits for the vote from b since 0 ms
 * ```
 */
export function noteWait(world: Pick<LockWorld, 'clock' | 'tracer' | 'node'>, wait: NotedWait): () => void {
  check('world', world, WORLD_OF_TIME);
  check('wait', wait, NOTED_WAIT);
  return beginWait(world, wait);
}

/** As {@link noteWait}, without checking arguments. */
export function beginWait(
  world: Pick<LockWorld, 'clock' | 'tracer' | 'node'>,
  { name, owner, from }: NotedWait,
): () => void {
  const { clock, tracer, node = '' } = world;
  if (tracer === undefined) return NOTHING;
  const source = from === undefined ? {} : { from };
  const wait = {
    runner: node,
    runId: '',
    resource: 'waiter',
    name,
    owner: ownerIn(world, owner),
    ...source,
  } as const;
  tracer.record({ at: clock.now(), type: 'acquired', ...wait });
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    tracer.record({ at: clock.now(), type: 'freed', ...wait });
  };
}
