import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

describe('ready', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop();
  });
  afterEach(() => shop.dispose());

  it('means all that is asked for, not the log line alone', async () => {
    shop.configure((text) =>
      text
        .replace(
          'command: node server.mjs',
          "command: node -e 'console.log(`listens on 1`); setTimeout(() => {}, 1e6)'",
        )
        .replace('ready: { http: / }', 'ready: { log: listens on, http: /, timeout: 1 }'),
    );
    const run = await shop.stack(['create', 'feat-01', '--with', 'api']);
    expect(run).toMatchObject({ code: 1, stderr: expect.stringMatching(/api was not ready within 1 s: \/: conn/) });
  });

  it('shows of a service that is not what this run of it has printed', async () => {
    const command =
      "command: sh -c 'echo this is run $(cat ../../../run); [ $(cat ../../../run) = one ] && exec node server.mjs; exit 3'";
    shop.configure((text) => text.replace(/command: node server.mjs(?![\s\S]*command:)/, command));
    writeFileSync(path.join(shop.root, 'run'), 'one');
    expect(await shop.stack(['create', 'feat-01'])).toMatchObject({ code: 0 });
    writeFileSync(path.join(shop.root, 'run'), 'two');
    const { code, stderr } = await shop.stack(['restart', 'feat-01']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('this is run two')]);
    expect(stderr).not.toContain('this is run one');
  });

  it('is seen by a line that is never ended', async () => {
    shop.configure((text) =>
      text
        .replace(
          /command: node server.mjs(?![\s\S]*command:)/,
          "command: node -e 'process.stdout.write(`up and well`); setTimeout(() => {}, 1e6)'",
        )
        .replace(/ready: \{ http: \/ \}\n$/, 'ready: { log: up and well, timeout: 20 }\n'),
    );
    expect(await shop.stack(['create', 'feat-01'])).toMatchObject({ code: 0 });
  });

  it('stays so when the line it was seen by has gone from the log', async () => {
    shop.commit(
      'front',
      'server.mjs',
      `import { createServer } from 'node:http';
console.log('up and well');
createServer((_, answer) => {
  for (let line = 0; line < 4000; line++) console.log('x'.repeat(100));
  answer.end();
}).listen(process.env.PORT, 'localhost');
`,
    );
    shop.configure((text) =>
      text.replace(/ready: \{ http: \/ \}\n$/, 'ready: { log: up and well, timeout: 20 }\n    logs: { max: 100K }\n'),
    );
    expect(await shop.stack(['create', 'feat-01'])).toMatchObject({ code: 0 });
    await fetch((await shop.ps()).instances[0]?.repos.front?.url ?? '');
    await until('the line has gone', async () => {
      const { stdout } = await shop.stack(['logs', 'feat-01', '--tail', 'all']);
      return stdout.includes('xxx') && !stdout.includes('well');
    });
    expect(await shop.stack(['start', 'feat-01'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['restart', 'feat-01'])).toMatchObject({ code: 0 });
  });
});
