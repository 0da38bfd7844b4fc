import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openPortLeases, type PortLeases } from '../../../src/adapters/net/port-leases.ts';
import { freePorts } from '../../support/ports.ts';

let folder: string;
let warnings: string[];
beforeEach(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'stack-leases-')));
  warnings = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function leasesOf(root: string): PortLeases {
  mkdirSync(path.join(folder, root, '.stack'), { recursive: true });
  const env = { XDG_STATE_HOME: path.join(folder, 'state') };
  return openPortLeases({ root: path.join(folder, root), env, warn: (text) => warnings.push(text) });
}

const none: ReadonlySet<number> = new Set();
const wish = (from: number) => ({ name: 'front', from, to: from + 9 });

it('gives no port that another root holds, and one of a root that is gone', async () => {
  const from = freePorts(10);
  const [one, other] = [leasesOf('one'), leasesOf('other')];
  expect(await one.find(wish(from), none)).toBe(from);
  expect(await other.find(wish(from), none)).toBe(from + 1);
  await one.keep(new Set([from, from + 2]));
  await other.keep(new Set([from + 1]));
  expect(await other.find(wish(from), new Set([from + 1]))).toBe(from + 3);
  expect(await other.others()).toEqual([{ root: path.join(folder, 'one'), ports: [from, from + 2] }]);
  rmSync(path.join(folder, 'one/.stack'), { recursive: true });
  // Who only looks deletes nothing: the root may be coming back.
  expect(await other.others()).toEqual([]);
  expect(readdirSync(path.join(folder, 'state/stack/leases'))).toHaveLength(2);
  expect(await other.find(wish(from), new Set([from + 1]))).toBe(from);
  await other.keep(none);
  expect(readdirSync(path.join(folder, 'state/stack/leases'))).toEqual([]);
  expect(statSync(path.join(folder, 'state/stack')).mode & 0o777).toBe(0o700);
  expect(warnings).toEqual([]);
});

it('gives each of many that ask at once a port of its own', async () => {
  const from = freePorts(10);
  const asked = ['a', 'b', 'c', 'd', 'e'].map((root) => leasesOf(root).find(wish(from), none));
  expect((await Promise.all(asked)).sort()).toEqual([0, 1, 2, 3, 4].map((more) => from + more));
});

it('does without, with a word, where the folder cannot be written to', async () => {
  writeFileSync(path.join(folder, 'state'), '');
  const from = freePorts(10);
  const leases = leasesOf('one');
  expect(await leases.find(wish(from), none)).toBe(from);
  await leases.keep(new Set([from]));
  expect(warnings).toEqual([expect.stringContaining('cannot make the folder')]);
});
