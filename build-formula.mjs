// Prints the Homebrew formula of a release: `node build-formula.mjs TARBALL ADDRESS`. The tarball is what `npm pack` made and
// `npm publish` got; the address is where it lies since then: `npm view @stack-tickets/stack@VERSION dist.tarball` tells it.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const [tarball, address] = process.argv.slice(2);
if (!tarball || !/^https:\/\/[^\s"#]+\.tgz$/.test(address ?? '')) {
  process.stderr.write(
    'usage: node build-formula.mjs TARBALL ADDRESS, e.g. stack-tickets-stack-0.1.0.tgz https://…/stack-0.1.0.tgz\n',
  );
  process.exit(2);
}
const { version } = JSON.parse(
  execFileSync('tar', ['-xzOf', tarball, 'package/package.json'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }),
);
const values = {
  ADDRESS: address,
  VERSION: version,
  SHA256: createHash('sha256').update(readFileSync(tarball)).digest('hex'),
};
const [, ...lines] = readFileSync(path.join(import.meta.dirname, 'Formula/stack.rb.in'), 'utf8').split('\n');
process.stdout.write(lines.join('\n').replaceAll(/@([A-Z\d]+)@/g, (_, name) => values[name]));
