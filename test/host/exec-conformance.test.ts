import { conformanceCases } from '../../src/conformance/conformance-cases.ts';
import { describeRunner } from '../../src/vitest/describe-runner.ts';
import { exec } from '../conformance/exec-subject.ts';

// Most of a case is waiting, so that several can wait at once.
describeRunner(exec, conformanceCases, { concurrent: true });
