import { conformanceCases } from '../../src/conformance/conformance-cases.ts';
import { describeRunner } from '../../src/vitest/describe-runner.ts';
import { fake } from './subjects.ts';

describeRunner(fake, conformanceCases);
