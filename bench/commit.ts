/** The package as it was at a commit, to be measured beside. Invariant: what was built once is used again. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import process from 'node:process';

/** Builds the package as it was at a commit, as it was built then, once; returns the folder it is in. The tools are those of the checkout. */
export function buildCommit(
  checkout: string,
  commit: string,
): { readonly folder: string; readonly id: string } {
  const id = output(checkout, 'git', ['rev-parse', '--verify', '--short=12', `${commit}^{commit}`]).trim();
  const folder = `${checkout}.dryrunner/bench-commits/${id}`;
  if (existsSync(`${folder}/dist/index.js`)) return { folder, id };
  process.stderr.write(`building ${id}…\n`);
  const files = `${folder}.tar`;
  mkdirSync(folder, { recursive: true });
  output(checkout, 'git', ['archive', '--output', files, id]);
  output(checkout, 'tar', ['-xf', files, '-C', folder]);
  rmSync(files);
  if (!existsSync(`${folder}/node_modules`)) symlinkSync(`${checkout}node_modules`, `${folder}/node_modules`);
  output(folder, 'npm', ['run', '-s', 'build']);
  return { folder, id };
}

/** What a program prints; ends with what it said if it fails. */
function output(cwd: string, program: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  if (status === 0) return stdout;
  process.stderr.write(`${program} ${args.join(' ')} fails:\n${stdout}${stderr}\n`);
  process.exit(1);
}
