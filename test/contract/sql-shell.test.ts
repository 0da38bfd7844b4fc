import { mkdtempSync, realpathSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEmbeddedPostgres } from '../../src/adapters/servers/embedded-postgres.ts';
import type { HostServer } from '../../src/adapters/servers/host-server.ts';
import { CACHE_FOLDER } from '../support/cache.ts';
import { bundleScript } from '../support/child-script.ts';
import { freePorts } from '../support/ports.ts';
import { until } from '../support/until.ts';

// `script` gives it a terminal; the one of util-linux takes a command.
describe.runIf(process.platform === 'linux')('the small psql at a terminal', () => {
  let root: string;
  let server: HostServer;
  let url: string;
  let program: string;

  beforeAll(async () => {
    root = realpathSync(mkdtempSync(path.join(tmpdir(), 'stack-sql-shell-')));
    server = createEmbeddedPostgres({ root, cacheFolder: CACHE_FOLDER, env: process.env, note: () => undefined });
    const port = freePorts();
    await server.start({ port, user: 'shop', password: 'shop', database: 'shop' }, new AbortController().signal);
    url = `postgres://shop:shop@localhost:${port}/shop`;
    program = await bundleScript(path.join(import.meta.dirname, '../support/sql-shell-child.ts'), root);
  });
  afterAll(async () => {
    await server.destroyData();
    await rm(root, { recursive: true, force: true, maxRetries: 3 });
  });

  /** True once the server works on the statement. */
  async function runs(text: string): Promise<boolean> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const asked = `SELECT FROM pg_stat_activity WHERE query = $1 AND state = 'active'`;
    const { rows } = await client.query(asked, [text]).finally(() => client.end());
    return rows.length > 0;
  }

  it('stops what runs at Ctrl-C, drops a line that is typed, and goes on', async () => {
    const line = `stty cols 80; ${process.execPath} ${program} ${url}`;
    const run = execa('script', ['--quiet', '--return', '--command', line, '/dev/null'], { reject: false });
    let shown = '';
    run.stdout.on('data', (chunk) => {
      shown += chunk;
    });
    const sees = (text: string): Promise<unknown> => until(text, () => shown.includes(text));
    await sees('shop=> ');
    run.stdin.write('SELECT pg_sleep(3600);\r');
    await until('the statement runs', () => runs('SELECT pg_sleep(3600);'));
    run.stdin.write('\x03');
    await sees('canceling statement due to user request');
    run.stdin.write('SELECT 1 / 0;\x03');
    await until('the line is dropped', () => shown.split('^C').length === 3);
    run.stdin.write("SELECT 'still ' || 'here';\r");
    await sees('still here');
    run.stdin.write('\\q\r');
    expect(await run).toMatchObject({ exitCode: 0 });
    expect(shown).not.toContain('division by zero');
  });
});
