// Runs the program of a case about a process that dies, in this process, on a folder of the machine: FOLDER TITLE.
import { writeSync } from 'node:fs';
import process from 'node:process';
import { diskCases } from '../../../src/conformance/parts/disk-cases.ts';
import { createFolderDisk } from '../../../src/host/disks/folder-disk.ts';

const [, , folder = '', title = ''] = process.argv;
const { crash } = diskCases.find((each) => each.title === title) ?? {};
// At once: what was promised must be known when this process is killed.
await crash?.program(createFolderDisk({ folder }), (line) => void writeSync(1, `${line}\n`));
