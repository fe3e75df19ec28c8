/**
 * The entry point `dryrunner/vitest-plugin`: makes Vitest load code under test with the stand-ins of ambient time in
 * place.
 *
 * @module dryrunner/vitest-plugin
 */
export type { ModuleTransform, TransformedModule } from '../ambient/module-transform.ts';
export { dryrunnerPlugin as default, type DryrunnerPluginOptions } from './dryrunner-plugin.ts';
