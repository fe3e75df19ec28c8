/** The explanation of a failure in the colours of the terminal. */
import { formatExplanation, type ExplanationRole } from '../explore/explain/explanation-text.ts';
import type { Explanation } from '../explore/explain/explanation.ts';
import { replayLine } from './rerun-line.ts';
import { shownFrame } from './source-line.ts';
import type { Style, Terminal } from './terminal.ts';

const STYLES: Readonly<Partial<Record<ExplanationRole, Style>>> = {
  sentence: 'red',
  heading: 'bold',
  decision: 'yellow',
  failure: 'red',
  place: 'dim',
};

/** The lines, with the command as it has to be typed here. `file` keeps the log, if any does. */
export function explanationLines(
  terminal: Terminal,
  explanation: Explanation,
  file: string | undefined,
): string[] {
  return formatExplanation(explanation).map(({ role, text }) => {
    if (role === 'command') return `  ${replayLine(explanation.token, file)}`;
    const shown = role === 'place' ? text.replace(/\S.*/, (frame) => shownFrame(frame)) : text;
    const style = STYLES[role];
    return style === undefined ? shown : terminal.style(style, shown);
  });
}
