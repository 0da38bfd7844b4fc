import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { expect, it } from 'vitest';
import { makeShop } from '../support/shop.ts';

const CHECKOUT = path.resolve(import.meta.dirname, '../..');
const MOST_BYTES = 15_000_000;

it('the package is whole by itself: installed without a network, small, with all licenses, on the Node that runs this', async () => {
  const shop = makeShop();
  try {
    const prefix = path.join(shop.folder, 'prefix');
    mkdirSync(prefix);
    const npm = (...args: string[]): string =>
      execFileSync('npm', args, { cwd: CHECKOUT, env: shop.env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    const packed = npm('pack', '--ignore-scripts', '--json', '--pack-destination', shop.folder);
    const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
    npm('install', '--global', '--offline', '--prefix', prefix, path.join(shop.folder, filename));

    const bin = realpathSync(path.join(prefix, 'bin/stack'));
    const home = path.resolve(bin, '../..');
    const files = readdirSync(home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const bytes = files.reduce((sum, { parentPath, name }) => sum + statSync(path.join(parentPath, name)).size, 0);
    expect(bytes).toBeLessThan(MOST_BYTES);
    expect(existsSync(path.join(home, 'node_modules'))).toBe(false);
    for (const file of [
      'docs/stack-yml.md',
      'README.md',
      'LICENSE',
      'docker-compose.base.yml',
      'dist/proto/auth.proto',
      'dist/help/exit-codes.txt',
    ])
      expect(existsSync(path.join(home, file))).toBe(true);
    expect(readFileSync(path.join(home, 'dist/LICENSES.txt'), 'utf8')).toMatch(/^dockerode \S+ \(Apache-2\.0\)$/m);
    const { man } = JSON.parse(readFileSync(path.join(home, 'package.json'), 'utf8')) as { man: string[] };
    expect(man).toEqual(
      readdirSync(path.join(home, 'dist/man'))
        .sort()
        .map((name) => `dist/man/${name}`),
    );
    expect(existsSync(path.join(prefix, 'share/man/man1/stack-create.1'))).toBe(true);
    // Loaded for a build with BuildKit alone.
    expect(createRequire(bin)('../dist/buildkit.cjs')).toBeTypeOf('function');

    const stack = (...args: string[]): string =>
      execFileSync(process.execPath, [bin, ...args], { cwd: shop.root, env: shop.env, encoding: 'utf8' });
    expect(stack('--version')).toMatch(/^\d+\.\d+\.\d+$/m);
    expect(stack('--help')).toContain('Usage: stack');
    stack('create', 'feat-01', '--no-start', '--quiet');
    expect(stack('ps')).toMatch(/^feat-01 .*stopped$/m);
    stack('destroy', 'feat-01', '--quiet');

    // Without installing it for good: by its address, and by its name where a project has it.
    const project = path.join(shop.folder, 'project');
    mkdirSync(project);
    const npx = (...args: string[]): string =>
      execFileSync('npx', args, { cwd: project, env: shop.env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    const tarball = path.join(shop.folder, filename);
    expect(npx('--yes', '--offline', `--package=${tarball}`, 'stack', '--version')).toMatch(/^\d+\.\d+\.\d+$/m);
    npm('install', '--offline', '--no-audit', '--prefix', project, tarball);
    expect(npx('--no', '--', '@stack-tickets/stack', '--help')).toContain('Usage: stack');

    const address = 'https://packages.invalid/stack.tgz';
    const formula = execFileSync(process.execPath, [path.join(CHECKOUT, 'build-formula.mjs'), tarball, address], {
      encoding: 'utf8',
    });
    const hash = createHash('sha256').update(readFileSync(tarball)).digest('hex');
    expect(formula).toMatch(/^class Stack < Formula$/m);
    expect(formula).toContain(`  url "${address}"\n  version "${stack('--version').trim()}"\n  sha256 "${hash}"\n`);
    expect(formula).not.toMatch(/@[A-Z]/);
  } finally {
    for (const name of ['prefix', 'project']) rmSync(path.join(shop.folder, name), { recursive: true, force: true });
    await shop.dispose();
  }
});
