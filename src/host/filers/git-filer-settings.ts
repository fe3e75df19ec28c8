/**
 * The settings that git runs with: ours alone. Invariant: neither the machine, nor the user, nor the repository decides
 * what is stored, what is written into a checkout, or which programs run, so that the same content is the same commit
 * everywhere.
 *
 * Every command that handles content runs in a git directory of its own that has nothing but these settings and borrows
 * the repository's objects: git sees no configuration, attributes, hooks, replacements or remotes of the repository.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** How a repository names objects. */
export type ObjectFormat = 'sha1' | 'sha256';

/** The settings that are taken over from a repository. */
export interface BorrowedSettings {
  readonly objectFormat: ObjectFormat;
  /** `core.sharedRepository`: who may read and write new objects; '' if it is not set. */
  readonly sharing: string;
}

/**
 * For every command; overrides all configuration files. The empty first `credential.helper` drops the helpers
 * configured before it; remote protocols that would start an arbitrary program are disabled.
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
  // Repositories of other users are accepted, as they are only read as data.
  'safe.directory=*',
].flatMap((setting) => ['-c', setting]);

/**
 * The content of the file of settings for a fetch. From a repository on this machine, another git reads, which gets the
 * environment but none of {@link SETTINGS}.
 */
export const SERVER_SETTINGS = '[safe]\ndirectory = *\n';

/** Bytes are stored and written unchanged, whatever `.gitattributes` say. */
const ATTRIBUTES = '* -text -crlf !eol -ident -filter !working-tree-encoding\n';

/** Characters that some file systems ignore in a name. */
const UNSEEN = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/gu;
/**
 * Names that some file system takes for `.git`: any case, its short name, and with dots, spaces or a stream name after
 * it.
 */
const DOT_GIT = /^(?:\.git|git~1)[ .]*(?::.*)?$/i;

/** True for a path through a `.git`, as any file system would read it; git stores nothing there. */
export function isInsideGit(path: string): boolean {
  return path.split(/[/\\]/).some((segment) => DOT_GIT.test(segment.replace(UNSEEN, '')));
}

/** Author, committer and date of a snapshot's commit: fixed, so that the same content gives the same commit. */
export const IDENTITY: Readonly<Record<string, string>> = Object.fromEntries(
  ['AUTHOR', 'COMMITTER'].flatMap((role) => [
    [`GIT_${role}_NAME`, 'dryrunner'],
    [`GIT_${role}_EMAIL`, 'dryrunner@localhost'],
    [`GIT_${role}_DATE`, '@0 +0000'],
  ]),
);

/** The process's environment without anything that git would read as a setting. */
export function cleanEnvironment(added: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(GIT_|XDG_|SSH_ASKPASS)/.test(name));
  return {
    ...Object.fromEntries(kept),
    LC_ALL: 'C',
    // The only way to make older versions of git ignore the user's settings.
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

/** Makes a git directory with our settings and nothing else; `dir` must not exist. */
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
