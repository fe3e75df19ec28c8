/** Commands of a workload, in the words of its subject, each with the end that it comes to if nobody stops it. */
import type { Command } from '../../model/command.ts';
import type { RunState } from '../../model/run-state.ts';
import type { ConformanceSubject } from '../subject.ts';
import type { Draws } from './draws.ts';

/** How a command ends if nobody stops it. */
export interface ExpectedEnd {
  readonly state: RunState;
  readonly exitCode: number;
}

/** A command, and what it comes to. */
export interface DrawnCommand {
  readonly command: Command;
  /** Undefined if it goes on until it is stopped. */
  readonly end: ExpectedEnd | undefined;
  /** From its process's start to its end, in milliseconds of virtual time. */
  readonly lastsMs: number;
}

const LASTING_MS = [0, 5, 10, 20, 50];

/** Draws a command that the subject can run. */
export function drawCommand(draws: Draws, { commands, supports }: ConformanceSubject): DrawnCommand {
  const kinds = ['exit', 'hang', ...(supports.signals === true ? (['killed'] as const) : [])] as const;
  const kind = draws.pick('runs', kinds, 3);
  const timeoutMs = supports.timeouts === true ? draws.pick('timeout', [0, 10, 20, 50], 3) : 0;
  const limited = (command: Command): Command => (timeoutMs === 0 ? command : { ...command, timeoutMs });
  if (kind === 'hang') return { command: limited(commands.hang()), end: undefined, lastsMs: Infinity };
  if (kind === 'killed') {
    const end = { state: 'COMPLETE', exitCode: -1 } as const;
    return { command: limited(commands.killedBy('SIGKILL')), end, lastsMs: 0 };
  }
  const exitCode = draws.pick('exit code', [0, 1, 7]);
  const lastsMs = draws.pick('lasts', LASTING_MS);
  return {
    command: limited(commands.exit(exitCode, lastsMs)),
    end: { state: 'COMPLETE', exitCode },
    lastsMs,
  };
}
