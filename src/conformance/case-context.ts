/**
 * What the body of a case gets: its world, runners made to order, and durations in steps, which last as long as the subject needs.
 * Invariant: every runner that was made is released and disposed of when the case is over.
 */
import { createFixedFiler } from '../filers/fake-filer.ts';
import { createSimFiler, type SimFiler, type SimFilerOptions } from '../filers/sim-filer.ts';
import { sleep } from '../kernel/clock.ts';
import type { Command } from '../model/command.ts';
import type { RunID, RunStatus } from '../model/run-status.ts';
import type { Service } from '../model/service.ts';
import { finalStatus, waitForState } from '../model/status-lookup.ts';
import type { World } from '../model/world.ts';
import type { CommandVocabulary } from './command-vocabulary.ts';
import type { ConformanceSubject, RunnerUnderTest, SubjectOptions } from './subject.ts';

const VIRTUAL_STEP_MS = 10;
const WALL_STEP_MS = 80;

/** One case at work. */
export class CaseContext {
  readonly world: World;
  readonly commands: CommandVocabulary;
  readonly #subject: ConformanceSubject;
  readonly #stepMs: number;
  readonly #made: RunnerUnderTest[] = [];

  constructor(subject: ConformanceSubject, world: World) {
    const {
      commands,
      wallWorld,
      stepMs = wallWorld === undefined ? VIRTUAL_STEP_MS : WALL_STEP_MS,
    } = subject;
    this.world = world;
    this.commands = commands;
    this.#subject = subject;
    this.#stepMs = stepMs;
  }

  /** A new runner. */
  async runner(options: SubjectOptions = {}): Promise<Service> {
    const made = await this.#subject.create(this.world, options);
    this.#made.push(made);
    return made.service;
  }

  /** So many steps, in milliseconds. */
  ms(steps: number): number {
    return steps * this.#stepMs;
  }

  /** Lets so many steps pass. */
  sleep(steps: number): Promise<void> {
    return sleep(this.world.clock, this.ms(steps), 'case sleep');
  }

  /** Milliseconds of the world's clock. */
  now(): number {
    return this.world.clock.now();
  }

  /** Runs a command and gives its id. */
  async start(runner: Service, command: Command): Promise<RunID> {
    return (await runner.run(command)).runId;
  }

  /** Runs a command and waits until it is RUNNING. */
  async running(runner: Service, command: Command): Promise<RunID> {
    const runId = await this.start(runner, command);
    await waitForState(runner, runId, 'RUNNING');
    return runId;
  }

  /** A promise to be awaited later: should the case fail before, its rejection is nobody's fault. */
  meanwhile<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => undefined);
    return promise;
  }

  /** Waits for the end of a run. */
  async end(runner: Service, runId: RunID): Promise<RunStatus> {
    return (await finalStatus(runner, runId)).status;
  }

  /** Runs a command to its end. */
  async outcome(runner: Service, command: Command): Promise<RunStatus> {
    return this.end(runner, await this.start(runner, command));
  }

  /** A filer that behaves as planned, and whose checkouts are directories that exist everywhere. */
  filer(behaviour: Partial<SimFilerOptions> = {}): SimFiler {
    return createSimFiler({ clock: this.world.clock, delegate: createFixedFiler('/'), ...behaviour });
  }

  /** What can be read at a URI of the runner that was made last. */
  async read(uri: string): Promise<string> {
    return (await this.#made.at(-1)?.readOutput?.(uri)) ?? '';
  }

  /** Releases and disposes of all runners. */
  async close(): Promise<void> {
    await Promise.all(this.#made.map(({ service }) => service.release()));
    for (const { dispose } of this.#made) await dispose?.();
  }
}
