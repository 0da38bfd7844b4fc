import { execFileSync } from 'node:child_process';
import path from 'node:path';

/** Builds what the tests of the command line spawn, where it is older than its source. */
export default function setUp(): void {
  execFileSync('node', [path.resolve(import.meta.dirname, '../../.ci/setup.mjs'), '--build-only'], {
    stdio: 'inherit',
  });
}
