// The lines of progress that a command prints in a pipe after 10 s, which on a busy machine is any command.

const LINE = new RegExp(
  [
    String.raw`: loading, \d+ s`,
    String.raw`: running it, \d+ s, .*`,
    String.raw`: explaining it, \d+ s, .*`,
    ': explaining the failure',
    ': making the failure small, .*',
    String.raw` [\d,]+ s · .* failed`,
    String.raw` [\d,]+ s, Ctrl-C ends it · .*`,
    String.raw` [█░]{20} \d+/\d+ seeds?`,
  ]
    .map((end) => `^.+${end}\n`)
    .join('|'),
  'gm',
);

/** What a command has printed on stderr, without its progress. */
export function withoutProgress(err: string): string {
  return err.replaceAll(LINE, '');
}
