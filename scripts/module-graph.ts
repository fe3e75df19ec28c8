// The project's modules as a graph: what each file imports and exports, read by parsing alone, so that the tidy
// tests and the unused check agree on one view. Paths are relative to the project's root, with forward slashes.
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, posix, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** The folder that holds package.json. */
export const projectRoot: string = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** One import or re-export of a module. */
export interface ModuleImport {
  /** As written in the source. */
  readonly specifier: string;
  /** The file in this project, when the specifier is relative. */
  readonly target?: string;
  /** The names taken; `undefined` when the whole module is taken (namespace or dynamic import). */
  readonly names?: readonly string[];
  readonly reexport: boolean;
  readonly line: number;
}

/** One name that a module declares and exports. */
export interface ModuleExport {
  readonly name: string;
  readonly line: number;
  readonly isType: boolean;
  /** Whether the module mentions the name again besides its declaration. */
  readonly usedInside: boolean;
}

/** One parsed file. */
export interface SourceModule {
  readonly path: string;
  readonly text: string;
  readonly source: ts.SourceFile;
  readonly imports: readonly ModuleImport[];
  readonly exports: readonly ModuleExport[];
}

/** Lists the files below the given folders whose names end in `ending`, sorted. Missing folders have none. */
export function listFiles(folders: readonly string[], ending = '.ts'): string[] {
  return folders.flatMap((folder) => filesBelow(folder, ending)).sort();
}

function filesBelow(folder: string, ending: string): string[] {
  let entries;
  try {
    entries = readdirSync(join(projectRoot, folder), { withFileTypes: true, recursive: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const prefix = projectRoot.length + 1;
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending) && !isInstalled(entry.parentPath))
    .map((entry) => join(entry.parentPath, entry.name).slice(prefix).replaceAll('\\', '/'));
}

/** `sims/foreign` has packages of its own. */
function isInstalled(folder: string): boolean {
  return folder.slice(projectRoot.length).split(/[\\/]/).includes('node_modules');
}

/** The files in the project's root folder whose names end in `ending`, sorted. */
export function listRootFiles(ending: string): string[] {
  return readdirSync(projectRoot)
    .filter((name) => name.endsWith(ending))
    .sort();
}

/** Reads a file of the project as text. */
export function readProjectFile(path: string): string {
  return readFileSync(join(projectRoot, path), 'utf8');
}

/** Parses every TypeScript file below the given folders. */
export function readModules(folders: readonly string[]): SourceModule[] {
  return listFiles(folders).map(readModule);
}

/** Parses one file of the project. */
export function readModule(path: string): SourceModule {
  return parseModule(path, readProjectFile(path));
}

/** Parses one module from its text; `path` decides what its relative imports mean. */
export function parseModule(path: string, text: string): SourceModule {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true, ts.ScriptKind.TS);
  return { path, text, source, imports: importsOf(source), exports: exportsOf(source) };
}

function lineOf(source: ts.SourceFile, node: ts.Node): number {
  return source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
}

function importsOf(source: ts.SourceFile): ModuleImport[] {
  const found: ModuleImport[] = [];
  const add = (
    node: ts.Node,
    specifier: ts.Node | undefined,
    names?: readonly string[],
    reexport = false,
  ): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    const target = specifier.text.startsWith('.')
      ? { target: posix.join(posix.dirname(source.fileName), specifier.text) }
      : {};
    const taken = names === undefined ? {} : { names };
    found.push({ specifier: specifier.text, ...target, ...taken, reexport, line: lineOf(source, node) });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node, node.moduleSpecifier, importedNames(node.importClause));
    else if (ts.isExportDeclaration(node)) add(node, node.moduleSpecifier, reexportedNames(node), true);
    else if (ts.isImportTypeNode(node)) add(node, literalOf(node.argument), qualifiedName(node));
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node, node.arguments[0]);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function importedNames(clause: ts.ImportClause | undefined): string[] | undefined {
  if (clause === undefined) return [];
  const names = clause.name === undefined ? [] : ['default'];
  const bindings = clause.namedBindings;
  if (bindings === undefined) return names;
  if (ts.isNamespaceImport(bindings)) return undefined;
  return [...names, ...bindings.elements.map((element) => (element.propertyName ?? element.name).text)];
}

function reexportedNames(node: ts.ExportDeclaration): string[] | undefined {
  if (node.exportClause === undefined || !ts.isNamedExports(node.exportClause)) return undefined;
  return node.exportClause.elements.map((element) => (element.propertyName ?? element.name).text);
}

function literalOf(argument: ts.TypeNode): ts.Node | undefined {
  return ts.isLiteralTypeNode(argument) ? argument.literal : undefined;
}

function qualifiedName(node: ts.ImportTypeNode): string[] | undefined {
  return node.qualifier !== undefined && ts.isIdentifier(node.qualifier) ? [node.qualifier.text] : undefined;
}

function exportsOf(source: ts.SourceFile): ModuleExport[] {
  const mentions = countIdentifiers(source);
  const found: ModuleExport[] = [];
  const add = (name: string, node: ts.Node, ownMentions: number, isType = false): void => {
    const usedInside = (mentions.get(name) ?? 0) > ownMentions;
    found.push({ name, line: lineOf(source, node), isType, usedInside });
  };
  for (const statement of source.statements) {
    if (ts.isExportAssignment(statement)) add('default', statement, Infinity);
    else if (ts.isExportDeclaration(statement) && statement.moduleSpecifier === undefined) {
      const clause = statement.exportClause;
      if (clause !== undefined && ts.isNamedExports(clause)) {
        for (const element of clause.elements) add(element.name.text, element, 2);
      }
    } else if (hasModifier(statement, ts.SyntaxKind.DefaultKeyword)) add('default', statement, Infinity);
    else if (hasModifier(statement, ts.SyntaxKind.ExportKeyword)) {
      const isType = ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement);
      for (const name of declaredNames(statement)) add(name.text, name, 1, isType);
    }
  }
  return found;
}

function countIdentifiers(source: ts.SourceFile): Map<string, number> {
  const mentions = new Map<string, number>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) mentions.set(node.text, (mentions.get(node.text) ?? 0) + 1);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return mentions;
}

function hasModifier(statement: ts.Statement, modifier: ts.SyntaxKind): boolean {
  if (!ts.canHaveModifiers(statement)) return false;
  return ts.getModifiers(statement)?.some(({ kind }) => kind === modifier) ?? false;
}

function declaredNames(statement: ts.Statement): ts.Identifier[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap(({ name }) => boundNames(name));
  }
  const isNamed =
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement);
  return isNamed && statement.name !== undefined ? [statement.name] : [];
}

function boundNames(name: ts.BindingName): ts.Identifier[] {
  if (ts.isIdentifier(name)) return [name];
  return name.elements.flatMap((element) => (ts.isBindingElement(element) ? boundNames(element.name) : []));
}
