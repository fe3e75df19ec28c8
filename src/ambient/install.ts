/**
 * Installs the stand-ins. Must run before the code under test: `import 'dryrunner/ambient/install'`, the setup file of
 * the Vitest plugin, or `node --import dryrunner/ambient/install`.
 *
 * @module dryrunner/ambient/install
 */
import { installGlobals } from './globals/install-globals.ts';
import { hub } from './hub.ts';

installGlobals();
hub.isPreloaded = true;
