/**
 * The three in-memory outputs of a run, created lazily: only their names exist until one is written or read. Invariant:
 * their content is the same as if they had existed from the start.
 */
import type { Command } from '../../model/command.ts';
import { LOG_NAMES } from '../../model/undisturbed-run.ts';
import type { World } from '../../model/world.ts';
import type { MemoryFile } from '../../outputs/memory-file.ts';
import { memoryUri } from '../../outputs/memory-file.ts';
import {
  HeldOutputs,
  holdOutputs,
  plainOutput,
  type MemoryOutputFolder,
} from '../../outputs/memory-output.ts';
import { headerLater } from './log-header.ts';
import { RunLogs } from './run-logs.ts';

/** stdout, stderr and stdlog of one run. Its id must need no escaping. */
export class UnreadLogs extends HeldOutputs {
  override readonly serial: number;
  readonly stdoutRef: string;
  readonly stderrRef: string;
  readonly #folder: MemoryOutputFolder;
  readonly #runId: string;
  readonly #command: Command;
  readonly #epochMs: number;
  readonly #isHashed: boolean;
  #logs: RunLogs | undefined;
  #files: readonly MemoryFile[] | undefined;
  #isClosed = false;

  constructor(folder: MemoryOutputFolder, runId: string, command: Command, { clock, tracer }: World) {
    super();
    this.#folder = folder;
    this.#runId = runId;
    this.#command = command;
    this.#epochMs = clock.epochMs + clock.now();
    this.#isHashed = tracer !== undefined;
    this.serial = holdOutputs(folder, this, LOG_NAMES.length);
    this.stdoutRef = memoryUri(`${runId}-stdout-${this.serial}`);
    this.stderrRef = memoryUri(`${runId}-stderr-${this.serial + 1}`);
  }

  /** True if anything but the header was written to stdout or stderr. */
  get hasBytes(): boolean {
    const logs = this.#logs;
    return logs !== undefined && logs.stdoutSink.bytes + logs.stderrSink.bytes > 0;
  }

  /** The outputs, for writing. */
  opened(): RunLogs {
    const [stdout, stderr, stdlog] = this.#made() as [MemoryFile, MemoryFile, MemoryFile];
    this.#logs ??= new RunLogs(stdout, stderr, stdlog, this.#isHashed);
    return this.#logs;
  }

  override outputAt(index: number): MemoryFile {
    return this.#made()[index] as MemoryFile;
  }

  close(): void {
    this.#isClosed = true;
    for (const file of this.#files ?? []) void file.close();
  }

  #made(): readonly MemoryFile[] {
    if (this.#files !== undefined) return this.#files;
    const files = Array.from(LOG_NAMES, (name, index) =>
      plainOutput(this.#folder, `${this.#runId}-${name}`, this.serial + index),
    );
    this.#files = files;
    const header = headerLater(this.#epochMs, files as [MemoryFile, MemoryFile, MemoryFile], this.#command);
    for (const file of files) {
      void file.writeLazily(header);
      if (this.#isClosed) void file.close();
    }
    return files;
  }
}
