/**
 * What the scripts say that read their command line before anything else: `node --import tsx script-process.ts CALLS`
 * takes pairs of a script and its arguments as JSON, and prints what each said and with what it ended. Invariant: the
 * scripts run one after the other in this process, because most of the time of such a call goes into loading modules. A
 * script that does not end is not stopped.
 */
import process from 'node:process';
import { projectRoot } from '../../scripts/module-graph.ts';

export type ScriptCall = readonly [script: string, args: readonly string[]];
export interface ScriptSays {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

class ProcessEnd extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`ends with ${status}`);
    this.status = status;
  }
}

const { stdout, stderr } = process;
const [print, warn] = [stdout.write.bind(stdout), stderr.write.bind(stderr)];

async function call([script, args]: ScriptCall, index: number): Promise<ScriptSays> {
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    process[name].write = (text: string) => {
      said[name] += text;
      return true;
    };
  }
  process.argv = [process.execPath, script, ...args];
  process.exit = (status) => {
    throw new ProcessEnd(Number(status));
  };
  try {
    await import(`${projectRoot}/${script}?${index}`);
  } catch (error) {
    if (error instanceof ProcessEnd) return { status: error.status, ...said };
    throw error;
  } finally {
    Object.assign(stdout, { write: print });
    Object.assign(stderr, { write: warn });
  }
  throw new Error(`${script} ${args.join(' ')} goes on instead of ending with what it says`);
}

const answers: ScriptSays[] = [];
const end = process.exit.bind(process);
try {
  const calls = JSON.parse(process.argv[2] ?? '') as readonly ScriptCall[];
  for (const [index, each] of calls.entries()) answers.push(await call(each, index));
  print(JSON.stringify(answers), () => end(0));
} catch (error) {
  // Whatever a script has begun ends here.
  warn(`${error instanceof Error ? error.stack : String(error)}\n`);
  end(1);
}
