// Writes the `ts` blocks of the documents into files below .dryrunner/ and checks their types against the sources
// in one program. `dryrunner` and its doors mean the sources behind them, as in scripts/door-aliases.ts.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { projectRoot } from '../../scripts/module-graph.ts';
import { packageDoors } from '../../scripts/package-doors.ts';
import type { CodeBlock } from './code-blocks.ts';

/** A block and the file that holds its code. */
export interface BlockFile {
  readonly block: CodeBlock;
  readonly path: string;
}

/** Writes each block into a file of its own, in a folder that is emptied first. */
export function writeBlocks(folder: string, blocks: readonly CodeBlock[]): BlockFile[] {
  const target = join(projectRoot, '.dryrunner', folder);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  return blocks.map((block) => {
    const name = `${block.file.replaceAll(/[^\w]+/g, '-')}-${block.line}.ts`;
    const path = join(target, name);
    writeFileSync(path, `${block.code}export {};\n`);
    return { block, path };
  });
}

/** The type errors of the blocks, each at its place in the document. */
export function typeErrors(files: readonly BlockFile[]): string[] {
  const program = ts.createProgram(
    files.map(({ path }) => path),
    compilerOptions(),
  );
  return files.flatMap(({ block, path }) => {
    const source = program.getSourceFile(path);
    const problems = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return problems.map(({ messageText, start = 0 }) => {
      const line = source?.getLineAndCharacterOfPosition(start).line ?? 0;
      return `${block.file}:${block.line + line} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
    });
  });
}

function compilerOptions(): ts.CompilerOptions {
  const file = join(projectRoot, 'tsconfig.json');
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(file, ts.sys.readFile).config,
    ts.sys,
    projectRoot,
  );
  const paths = Object.fromEntries(
    packageDoors().map(({ specifier, source }) => [specifier, [join(projectRoot, source)]]),
  );
  // Examples are read as users write them: without declaration files, and so without their extra annotations.
  return { ...options, paths, declaration: false, isolatedDeclarations: false, incremental: false };
}
