import { spawnSync } from 'node:child_process';

const isRoot = process.getuid?.() === 0;

/** Runs a command in a namespace of its own, so that nobody else sees what is mounted there. */
export const MOUNTING = ['unshare', '--mount', ...(isRoot ? [] : ['--user', '--map-root-user'])];

const [program = '', ...flags] = MOUNTING;

/** A folder below which something is mounted cannot be mounted by whoever is not root. */
export const canMount = spawnSync(program, [...flags, 'mount', '--bind', '/usr/bin', '/tmp']).status === 0;
if (!canMount) console.warn('\n!!! SKIPPED: nothing may be mounted here\n');
