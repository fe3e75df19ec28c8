/**
 * What git knows of the world: settings of our own alone. Invariant: neither the machine, nor the user, nor the repository decides
 * what is stored, what is written into a checkout, or which programs run, so that the same content is the same commit everywhere.
 *
 * Every command that handles content runs in a git directory of its own that has nothing but these settings and borrows the repository's
 * objects: no configuration, attributes, hooks, replacements or remotes of the repository are ever in sight of it.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** How a repository names objects. */
export type ObjectFormat = 'sha1' | 'sha256';

/** What is kept of a repository's own settings. */
export interface BorrowedSettings {
  readonly objectFormat: ObjectFormat;
  /** `core.sharedRepository`: who may read and write new objects; '' if it is not set. */
  readonly sharing: string;
}

/**
 * For every command, above what any file says. The first of a list of `credential.helper` that is empty drops those before it; ways to a
 * remote repository that start a program of their choice are closed.
 */
export const SETTINGS: readonly string[] = [
  'commit.gpgSign=false',
  'core.attributesFile=/dev/null',
  'core.autocrlf=false',
  'core.excludesFile=/dev/null',
  'core.fileMode=true',
  'core.fsmonitor=false',
  'core.hooksPath=/dev/null',
  'core.ignoreCase=false',
  'core.logAllRefUpdates=false',
  'core.precomposeUnicode=false',
  'core.protectHFS=true',
  'core.protectNTFS=true',
  'core.symlinks=true',
  'credential.helper=',
  'gc.auto=0',
  'i18n.commitEncoding=UTF-8',
  'maintenance.auto=false',
  'protocol.allow=never',
  ...['file', 'git', 'http', 'https', 'ssh'].map((protocol) => `protocol.${protocol}.allow=always`),
  // A repository of another user's is read as data.
  'safe.directory=*',
].flatMap((setting) => ['-c', setting]);

/** Whatever `.gitattributes` say, bytes are stored and written as they are. */
const ATTRIBUTES = '* -text -crlf !eol -ident -filter !working-tree-encoding\n';

/** Characters that some file systems do not see in a name. */
const UNSEEN = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/gu;
/** What some file system takes for `.git`: any case, its short name, and dots, spaces or a stream behind it. */
const DOT_GIT = /^(?:\.git|git~1)[ .]*(?::.*)?$/i;

/** True for a path that leads through a `.git`, as any file system would read it; git keeps nothing there. */
export function isInsideGit(path: string): boolean {
  return path.split(/[/\\]/).some((segment) => DOT_GIT.test(segment.replace(UNSEEN, '')));
}

/** Whose work a snapshot is, and when it was made: the same for the same content. */
export const IDENTITY: Readonly<Record<string, string>> = Object.fromEntries(
  ['AUTHOR', 'COMMITTER'].flatMap((role) => [
    [`GIT_${role}_NAME`, 'dryrunner'],
    [`GIT_${role}_EMAIL`, 'dryrunner@localhost'],
    [`GIT_${role}_DATE`, '@0 +0000'],
  ]),
);

/** The process's environment without anything that git would take for a setting. */
export function cleanEnvironment(added: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(GIT_|XDG_|SSH_ASKPASS)/.test(name));
  return {
    ...Object.fromEntries(kept),
    LC_ALL: 'C',
    // Older versions of git know no other way to leave out the user's settings.
    HOME: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_SYSTEM: '/dev/null',
    GIT_NO_LAZY_FETCH: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_TERMINAL_PROMPT: '0',
    ...added,
  };
}

/** Makes a git directory that has our settings and nothing else; `dir` must not exist. */
export async function makeGitDir(dir: string, { objectFormat, sharing }: BorrowedSettings): Promise<void> {
  await mkdir(join(dir, 'refs'), { recursive: true });
  await mkdir(join(dir, 'info'));
  const isOld = objectFormat === 'sha1';
  const lines = [
    '[core]',
    `repositoryFormatVersion = ${isOld ? 0 : 1}`,
    ...(sharing === '' ? [] : [`sharedRepository = ${JSON.stringify(sharing)}`]),
    ...(isOld ? [] : ['[extensions]', `objectFormat = ${objectFormat}`]),
  ];
  await writeFile(join(dir, 'config'), `${lines.join('\n')}\n`);
  await writeFile(join(dir, 'HEAD'), 'ref: refs/heads/none\n');
  await writeFile(join(dir, 'info', 'attributes'), ATTRIBUTES);
}
