import { execFileSync } from 'node:child_process';
import path from 'node:path';

/** Makes the checkout ready before any test runs. */
export default function setUp(): void {
  execFileSync('node', [path.resolve(import.meta.dirname, '../../.ci/setup.mjs')], { stdio: 'inherit' });
}
