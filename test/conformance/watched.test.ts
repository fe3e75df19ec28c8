import { conformanceCases } from '../../src/conformance/conformance-cases.ts';
import { describeRunner } from '../../src/vitest/describe-runner.ts';
import { watched } from './subjects.ts';

describeRunner(watched, conformanceCases);
