/**
 * The texts that the invoker adds to a run's logs: the header before the process's bytes, the trailer after them (R96,
 * R101, R107).
 */
import { formatUtc } from '../../kernel/utc-time.ts';
import { formatCommand, type Command } from '../../model/command.ts';
import { formatGoDuration } from '../../model/go-duration.ts';
import { LOG_HEADER_END, LOG_TRAILER_BEGIN } from '../../model/log-markers.ts';
import type { Output } from '../../model/output.ts';

const LINE = '###########################################\n';
const MARKER: string = LINE + LINE;

/** Stdout, stderr and the combined log. */
export type LogOutputs = readonly [stdout: Output, stderr: Output, stdlog: Output];

/**
 * The header: a two-line marker, date, URIs, command, the marker again, `SCOOT_CMD_LOG` (R96). Values of environment
 * variables are hidden.
 */
export function logHeader(epochMs: number, [stdout, stderr, stdlog]: LogOutputs, command: Command): string {
  const date = formatUtc(epochMs);
  const uris = `Out: ${stdout.uri}\tErr: ${stderr.uri}\tLog: ${stdlog.uri}`;
  const shown = formatCommand(command, { redactEnv: true });
  return `${MARKER}\nDate: ${date}\n${uris}\nCmd:\n${shown}\n\n${MARKER}\n${LOG_HEADER_END}`;
}

/** The trailer of a run that was stopped; undefined for one that ended by itself. */
export function logTrailer(
  stop: 'none' | 'abort' | 'deadline' | 'memory',
  timeoutMs: number,
  report: string,
): string | undefined {
  switch (stop) {
    case 'none':
      return undefined;
    case 'abort':
      return `\n\n${MARKER}\n${LOG_TRAILER_BEGIN}Task aborted\n`;
    case 'deadline':
      return `\n\n${MARKER}\n${LOG_TRAILER_BEGIN}Task exceeded timeout ${formatGoDuration(timeoutMs)}\n`;
    case 'memory':
      return `\n\n${MARKER}\n${LOG_TRAILER_BEGIN}${report}\n`;
  }
}

/** A function of its own, because outputs keep the closure until they are read, and with it everything in its scope. */
export function headerLater(epochMs: number, outputs: LogOutputs, command: Command): () => string {
  return () => logHeader(epochMs, outputs, command);
}
