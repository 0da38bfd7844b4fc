import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findTestEngine } from '../support/engine.ts';
import { listLeft, makeProduct, type Product } from '../support/product.ts';

const engine = await findTestEngine();

const RUNTIMES = [
  { runtime: 'docker', skip: !engine, postgres: '@postgres:5432/shop' },
  { runtime: 'process', skip: false, postgres: '@127.0.0.1:' },
] as const;

/** One product through its whole life, in order: each test goes on from where the one before it stopped. */
for (const { runtime, skip, postgres } of RUNTIMES) {
  describe.skipIf(skip)(`the main job, on ${runtime}`, () => {
    let product: Product;
    let before: string[];

    const get = async (inReadme: number, url: string): Promise<string> => {
      const answer = await fetch(`http://localhost:${product.port(inReadme)}${url}`);
      return answer.text();
    };

    /** Everything git knows of a repo that a ticket could leave something in. */
    const photograph = async (repo: string): Promise<string> => {
      const asked = [
        ['for-each-ref'],
        ['worktree', 'list', '--porcelain'],
        ['status', '--porcelain', '--ignored'],
        ['config', '--local', '--list'],
      ];
      const answers = await Promise.all(asked.map((args) => product.git(repo, ...args)));
      const exclude = path.join(product.root, repo, '.git/info/exclude');
      return [...answers, existsSync(exclude) ? readFileSync(exclude, 'utf8') : 'none'].join('\n---\n');
    };

    beforeAll(async () => {
      product = await makeProduct({ runtime });
      before = await Promise.all(['front', 'api'].map(photograph));
    });
    afterAll(() => product?.dispose());

    it('gives a ticket its own front and lends it the API', async () => {
      const run = await product.stack(['create', 'feat-01']);
      expect(run).toMatchObject({ code: 0 });
      expect(run.stdout).toContain(`http://localhost:${product.port(3001)} [main]`);
      expect(await get(3001, '/')).toContain('feat-01');
      expect(JSON.parse(await get(3001, '/api/'))).toMatchObject({ ticket: 'baseline' });
    });

    it('gives a second ticket its own front and its own API, each from the ref it names', async () => {
      const run = await product.stack(['create', 'feat-02', '--from-front=feat/ui', '--from-api', 'feat/endpoint']);
      expect(run).toMatchObject({ code: 0 });
      expect(JSON.parse(await get(3002, '/api/'))).toMatchObject({ ticket: 'feat-02' });
      expect(JSON.parse(await get(3002, '/api/version'))).toHaveProperty('version');
      expect(JSON.parse(await get(4001, '/'))).toMatchObject({ ticket: 'feat-02' });
    });

    it('writes rows and keys of both APIs to the one Postgres and the one Redis', async () => {
      const post = (inReadme: number, name: string): Promise<Response> =>
        fetch(`http://localhost:${product.port(inReadme)}/api/items`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ name }),
        });
      expect((await post(3001, 'through the baseline')).ok).toBe(true);
      expect((await post(3002, 'through feat-02')).ok).toBe(true);
      for (const front of [3001, 3002]) {
        const items = await get(front, '/api/items');
        expect(items).toContain('through the baseline');
        expect(items).toContain('through feat-02');
      }
    });

    it('lists two rows, and the JSON that scripts are promised', async () => {
      const { stdout } = await product.stack(['ps']);
      const [head, one, two, ...more] = stdout.split('\n');
      expect(head).toMatch(/^TICKET +FRONT-END +API +STATUS$/);
      expect(one).toMatch(new RegExp(`^feat-01 +http://localhost:${product.port(3001)} \\[main\\] +shared +running$`));
      expect(two).toMatch(
        new RegExp(
          `^feat-02 +http://localhost:${product.port(3002)} \\[feat/ui\\] +http://localhost:${product.port(4001)} \\[feat/endpoint\\] +running$`,
        ),
      );
      expect(more).toEqual([]);
      const view = await product.ps();
      expect(view).toMatchObject({
        stack: 'shop',
        root: product.root,
        baseline: { repos: { api: { url: `http://localhost:${product.port(3000)}`, status: 'running' } } },
        shared: { postgres: { status: 'running' }, redis: { status: 'running' } },
      });
      expect(view.instances[1]).toMatchObject({
        ticket: 'feat-02',
        status: 'running',
        repos: {
          front: {
            mode: 'dedicated',
            branch: 'feat-02',
            base: 'feat/ui',
            status: 'running',
            worktree: path.join(product.root, 'tickets/feat-02/front'),
          },
          api: { mode: 'dedicated', url: `http://localhost:${product.port(4001)}` },
        },
        services: { front: { repo: 'front', runtime, status: 'running', ports: { http: product.port(3002) } } },
      });
    });

    it('keeps worktrees clean, copies what git does not carry, and closes env files to others', async () => {
      const api = path.join(product.root, 'tickets/feat-02/api');
      expect(await product.git('../shop/tickets/feat-02/api', 'status', '--porcelain', '--untracked-files=no')).toBe(
        '',
      );
      expect(readFileSync(path.join(api, 'config/keys/master.key'), 'utf8')).toBe('not in git\n');
      const env = path.join(api, '.env.local');
      expect(statSync(env).mode & 0o777).toBe(0o600);
      expect(readFileSync(env, 'utf8')).toContain(postgres);
    });

    it('runs commands inside, with their exit codes, and git works there', async () => {
      expect(await product.stack(['exec', 'feat-02', 'api', '--', 'sh', '-c', 'exit 7'])).toMatchObject({ code: 7 });
      const head = await product.stack(['exec', 'feat-02', 'api', '--', 'git', 'rev-parse', '--abbrev-ref', 'HEAD']);
      expect(head).toMatchObject({ code: 0, stdout: 'feat-02' });
      expect(await product.stack(['exec', 'feat-02', 'api', '--', 'cat'], { input: 'piped' })).toMatchObject({
        stdout: 'piped',
      });
    });

    it('shows logs of every service with a prefix each', async () => {
      const { stdout, code } = await product.stack(['logs', 'feat-02']);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^front +\| .*listens on/m);
      expect(stdout).toMatch(/^api +\| .*listens on/m);
    });

    it('stops and starts a ticket on the same ports', async () => {
      expect(await product.stack(['stop', 'feat-02'])).toMatchObject({ code: 0 });
      expect((await product.ps()).instances[1]).toMatchObject({ status: 'stopped' });
      const started = await product.stack(['start', 'feat-02']);
      expect(started).toMatchObject({ code: 0 });
      expect(JSON.parse(await get(3002, '/api/'))).toMatchObject({ ticket: 'feat-02' });
    });

    it('gives a ticket its own API later, and its front then talks to that one', async () => {
      const run = await product.stack(['add', 'feat-01', 'api', '--from', 'feat/endpoint']);
      expect(run).toMatchObject({ code: 0 });
      expect(JSON.parse(await get(3001, '/api/'))).toMatchObject({ ticket: 'feat-01' });
      expect(await product.stack(['add', 'feat-01', 'api'])).toMatchObject({ code: 2 });
    });

    it('up twice is a no-op', async () => {
      const first = await product.ps();
      expect(await product.stack(['up'])).toMatchObject({ code: 0 });
      expect(await product.ps()).toEqual(first);
    });

    it('down refuses while tickets run', async () => {
      const run = await product.stack(['down']);
      expect(run.code).toBe(4);
      expect(run.stderr).toContain('feat-01');
    });

    it('refuses to destroy work, and says where it is', async () => {
      await product.git('../shop/tickets/feat-01/front', 'commit', '--allow-empty', '-m', 'work');
      const run = await product.stack(['destroy', 'feat-01', 'feat-02']);
      expect(run.code).toBe(4);
      expect(run.stderr).toContain('feat-01 front');
      expect((await product.ps()).instances).toHaveLength(2);
      await product.git('../shop/tickets/feat-01/front', 'reset', '--hard', 'HEAD~1');
    });

    it('destroy leaves nothing of the tickets, and both repos exactly as they were', async () => {
      expect(await product.stack(['destroy', 'feat-01', 'feat-02'])).toMatchObject({ code: 0 });
      expect(await Promise.all(['front', 'api'].map(photograph))).toEqual(before);
      expect(existsSync(path.join(product.root, 'tickets'))).toBe(false);
      expect((await product.ps()).instances).toEqual([]);
      expect((await listLeft(product.root, runtime)).filter((name) => name.includes('feat-'))).toEqual([]);
      expect(readFileSync(path.join(product.root, '.stack/state.json'), 'utf8')).not.toContain('feat-');
    });

    it('down takes the rest and keeps the data; a later up finds it', async () => {
      expect(await product.stack(['down'])).toMatchObject({ code: 0 });
      const left = await listLeft(product.root, runtime);
      expect(left.filter((name) => !name.startsWith('volume'))).toEqual([]);
      expect(left.filter((name) => name.startsWith('volume')).length).toBeGreaterThan(0);
      expect(await product.stack(['up'])).toMatchObject({ code: 0 });
      expect(await get(3000, '/items')).toContain('through feat-02');
    });

    it('down --volumes asks first, and deletes the data when told', async () => {
      expect(await product.stack(['down', '--volumes'])).toMatchObject({ code: 4 });
      expect(await product.stack(['down', '--volumes', '--yes'])).toMatchObject({ code: 0 });
      expect(await listLeft(product.root, runtime)).toEqual([]);
    });
  });
}
