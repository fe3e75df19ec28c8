// Lint rules: types-aware correctness everywhere, and in src the bans that keep every run reproducible.
// A ban's message names what to use instead.
import tseslint from 'typescript-eslint';

const clock =
  'Take the injected Clock (now, timer, post, endOfInstant); only host, ambient, cli and the drain touch real time.';
const random = 'Draw from the injected Decisions or a keyed random stream, so that the draw is in the log.';
const machine =
  'Only src/host, src/threads, src/ambient, src/cli and src/vitest touch the machine; take a collaborator of src/model instead.';
const locale = 'Results must not depend on the host; compare and format with plain code.';

const bannedGlobals = [
  ...['Date', 'performance', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'].map((name) => ({
    name,
    message: clock,
  })),
  ...['clearTimeout', 'clearInterval', 'clearImmediate'].map((name) => ({
    name,
    message: 'Cancel the timer that the Clock returned.',
  })),
  { name: 'crypto', message: random },
  ...['process', 'fetch', 'WebSocket', 'Worker'].map((name) => ({ name, message: machine })),
  { name: 'console', message: 'Return a value or write to an Output; printing belongs to src/cli.' },
  { name: 'Intl', message: locale },
  ...['WeakRef', 'FinalizationRegistry'].map((name) => ({
    name,
    message: 'Collection is not reproducible; own the object and end it explicitly.',
  })),
];

const bannedProperties = [
  { object: 'Math', property: 'random', message: random },
  { object: 'AbortSignal', property: 'timeout', message: clock },
  { object: 'Atomics', property: 'wait', message: clock },
  ...['localeCompare', 'toLocaleString', 'toLocaleLowerCase', 'toLocaleUpperCase'].map((property) => ({
    property,
    message: locale,
  })),
];

const machineModules = [
  'child_process',
  'cluster',
  'dgram',
  'dns',
  'fs',
  'fs/promises',
  'http',
  'http2',
  'https',
  'inspector',
  'module',
  'net',
  'os',
  'perf_hooks',
  'process',
  'readline',
  'readline/promises',
  'repl',
  'timers',
  'timers/promises',
  'tls',
  'tty',
  'v8',
  'vm',
  'worker_threads',
  'async_hooks',
  'diagnostics_channel',
];
const timeModules = new Set(['timers', 'timers/promises', 'perf_hooks']);
const bannedModules = machineModules.flatMap((name) =>
  [name, `node:${name}`].map((path) => ({ name: path, message: timeModules.has(name) ? clock : machine })),
);
const entropy = [
  'randomUUID',
  'randomBytes',
  'randomInt',
  'randomFill',
  'randomFillSync',
  'getRandomValues',
  'webcrypto',
  'generateKey',
  'generateKeySync',
  'generateKeyPair',
  'generateKeyPairSync',
];
const bannedImports = [
  ...bannedModules,
  ...['crypto', 'node:crypto'].map((name) => ({
    name,
    importNames: ['default', ...entropy],
    message: `${random} Digests (createHash) are fine.`,
  })),
  {
    name: 'seedrandom',
    message: 'Its main module reads real randomness when loaded; use seedrandom/lib/alea.js.',
  },
];
const only = (name, where) => ({ name, message: `Only ${where} may use it.` });
const edgePackages = [
  only('vitest', 'src/vitest'),
  only('commander', 'src/cli'),
  only('prom-client', 'src/host'),
  only('@sinonjs/fake-timers', 'src/ambient'),
  only('rolldown', 'src/ambient'),
];
const fastCheck = only('fast-check', 'src/explore, src/check and the edge');

const bannedSyntax = [
  { selector: 'ForInStatement', message: 'for…in also walks inherited keys; iterate Object.keys.' },
  { selector: 'ExportAllDeclaration', message: 'Re-export by name, and only in a package door.' },
];
// See "Memory of a run" in docs/internals.md.
const oldFunctions = {
  selector:
    'AssignmentExpression[left.type="MemberExpression"][right.type=/^(ArrowFunction|Function|Class)Expression$/]',
  message:
    'The engine makes such a function in the old generation, where it keeps all that it reaches. Use a method, `bind`, a field with an initializer, or a constant first.',
};
// A test may use Date as a reference, but not ask it for the time.
const timeInTests = {
  globals: bannedGlobals.filter(({ name, message }) => message === clock && name !== 'Date'),
  properties: [
    ...bannedProperties.filter(({ property }) => ['random', 'timeout'].includes(property)),
    { object: 'Date', property: 'now', message: clock },
  ],
  syntax: [{ selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: clock }],
};

const bans = ({ imports }) => ({
  'no-restricted-globals': ['error', { globals: bannedGlobals, checkGlobalObject: true }],
  'no-restricted-properties': ['error', ...bannedProperties],
  '@typescript-eslint/no-restricted-imports': ['error', { paths: imports }],
});
const noBans = {
  'no-restricted-globals': 'off',
  'no-restricted-properties': 'off',
  '@typescript-eslint/no-restricted-imports': 'off',
};
/** Of what a simulation is made. */
const simulatedFolders = [
  'kernel',
  'model',
  'store',
  'execers',
  'outputs',
  'filers',
  'metrics',
  'trace',
  'runners',
  'network',
  'oracles',
  'simulation',
].map((folder) => `src/${folder}/**/*.ts`);
const banned = (files, imports) => ({ files, rules: bans({ imports }) });

export default tseslint.config(
  {
    ignores: [
      'node_modules/',
      'dist/',
      'api/',
      'coverage/',
      'reports/',
      '.stryker-tmp/',
      '.dryrunner/',
      'fixtures/',
    ],
  },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      // What a collaborator threw is passed on as it came, whatever it is.
      '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingUnknown: true }],
      'no-restricted-syntax': ['error', ...bannedSyntax],
      curly: ['error', 'multi-line'],
      'default-case-last': 'error',
      'no-constant-condition': ['error', { checkLoops: false }],
      'no-else-return': 'error',
      'no-implicit-coercion': 'error',
      'no-lonely-if': 'error',
      'no-param-reassign': 'error',
      'no-promise-executor-return': 'error',
      'no-self-compare': 'error',
      'no-sequences': 'error',
      'no-unneeded-ternary': 'error',
      'no-useless-rename': 'error',
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
      'prefer-template': 'error',
      radix: 'error',
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/no-meaningless-void-operator': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-shadow': 'error',
      '@typescript-eslint/no-unnecessary-boolean-literal-compare': 'error',
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'all' }],
      '@typescript-eslint/prefer-readonly': 'error',
      '@typescript-eslint/prefer-nullish-coalescing': 'error',
      '@typescript-eslint/prefer-optional-chain': 'error',
      '@typescript-eslint/require-array-sort-compare': ['error', { ignoreStringArrays: true }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        {
          allowDefaultCaseForExhaustiveSwitch: false,
          considerDefaultExhaustiveForUnions: false,
          requireDefaultForNonUnion: true,
        },
      ],
      // An async function without await still turns a throw into a rejection, which the contracts promise.
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      complexity: ['error', { max: 15, variant: 'modified' }],
      'max-depth': ['error', 4],
      'max-lines-per-function': ['error', { max: 50, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 5],
    },
  },
  banned(['src/**/*.ts', 'sims/**/*.ts'], [...bannedImports, ...edgePackages]),
  banned(simulatedFolders, [...bannedImports, ...edgePackages, fastCheck]),
  {
    files: [...simulatedFolders, 'src/{call,cluster,disks,locks}/**/*.ts'],
    rules: { 'no-restricted-syntax': ['error', ...bannedSyntax, oldFunctions] },
  },
  banned(['sims/**/*.ts'], bannedImports),
  // They are code as users have it, and what a module exports needs no `this`.
  {
    files: ['sims/foreign/**/*.ts'],
    rules: { ...noBans, '@typescript-eslint/unbound-method': 'off' },
  },
  {
    files: [
      'src/{host,threads,ambient,cli,vitest}/**/*.ts',
      'src/kernel/drain*.ts',
      'scripts/**/*.ts',
      'bench/**/*.ts',
      '*.config.ts',
    ],
    rules: noBans,
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      'no-restricted-globals': 'off',
      'no-restricted-properties': 'off',
      '@typescript-eslint/no-restricted-imports': 'off',
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/unbound-method': 'off',
      'no-param-reassign': 'off',
    },
  },
  {
    files: ['test/**/*.ts'],
    ignores: [
      'test/{bazel,host,threads,ambient,cli,package,docs,vitest}/**',
      'test/kernel/{drain,virtual-clock,clock}*',
      'test/simulation/real-timer*',
      'test/tidy/**',
    ],
    rules: {
      'no-restricted-globals': ['error', { globals: timeInTests.globals, checkGlobalObject: true }],
      'no-restricted-properties': ['error', ...timeInTests.properties],
      'no-restricted-syntax': ['error', ...bannedSyntax, ...timeInTests.syntax],
    },
  },
  { files: ['**/*.js'], ...tseslint.configs.disableTypeChecked },
);
