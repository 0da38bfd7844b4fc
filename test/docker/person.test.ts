import { execFile } from 'node:child_process';
import { chown, mkdir, readdir, realpath, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LABELS } from '../../src/domain/names.ts';
import type { WorkloadSpec } from '../../src/domain/runtime.ts';
import { createWorld, type World } from '../contract/world.ts';
import { cleanLabelled, findTestEngine, listLabelled, NODE_IMAGE, openClient } from '../support/engine.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const { signal } = new AbortController();
const isRoot = process.getuid?.() === 0;
/** Root can play anybody; anybody else is a person already. No image knows this one. */
const PERSON = isRoot ? { uid: 4321, gid: 4322 } : { uid: process.getuid!(), gid: process.getgid!() };
const found = await findTestEngine(PERSON);

describe.skipIf(!found)('a container of a person who is not root', () => {
  const engine = found!;
  let client: Docker;
  let world: World;
  let tag: string;
  beforeAll(async () => {
    client = await openClient();
  });
  beforeEach(async () => {
    world = await createWorld({
      runtime: engine.runtime,
      settings: { image: NODE_IMAGE },
      prepareRoot: (_, rootId, network) => engine.ensureNetwork(network, { [LABELS.root]: rootId }),
      listLeft: (_, rootId) => listLabelled(client, rootId),
      cleanRoot: (_, rootId) => cleanLabelled(client, rootId),
    });
    tag = `stack-person-${world.rootId}:latest`;
    await chown(world.source, PERSON.uid, PERSON.gid);
  });
  afterEach(() => world.dispose());

  const runLine = async (spec: WorkloadSpec, line: string): Promise<string[]> => {
    const lines: string[] = [];
    const code = await world.runtime.run(spec, line, ({ text }) => lines.push(text), signal);
    return [...lines, `exit ${code}`];
  };
  const withVolume = (target: string): WorkloadSpec => ({
    ...world.spec('serve'),
    volumes: [{ name: `stack-person-${world.rootId}`, target }],
  });

  it('runs as that person, whose home can be written', async () => {
    const lines = await runLine(world.spec('serve'), 'id -u; id -g; echo $HOME; touch made && touch $HOME/x');
    expect(lines).toEqual([String(PERSON.uid), String(PERSON.gid), '/tmp', 'exit 0']);
    expect(await stat(join(world.source, 'made'))).toMatchObject(PERSON);
  });

  it('keeps a home that the service asks for', async () => {
    const spec = { ...world.spec('serve'), env: { HOME: '/app/home' } };
    expect(await runLine(spec, 'echo $HOME')).toEqual(['/app/home', 'exit 0']);
  });

  it('may write its volumes, also inside the worktree, where the folder is the person’s', async () => {
    const spec = withVolume('/app/node_modules');
    expect(await runLine(spec, 'touch node_modules/.made && ls -A node_modules')).toEqual(['.made', 'exit 0']);
    expect(await runLine(spec, 'ls -A node_modules')).toEqual(['.made', 'exit 0']);
    const folder = join(world.source, 'node_modules');
    expect(await readdir(folder)).toEqual([]);
    // Made by this process, not by the engine; as root here the two cannot be told apart.
    if (!isRoot) expect(await stat(folder)).toMatchObject(PERSON);
    await world.runtime.start(spec, signal);
    expect(await runLine(withVolume('/data'), 'touch /data/too; ls -A /data')).toEqual(['.made', 'too', 'exit 0']);
  });

  it('may write what a volume takes over from the image', async () => {
    await mkdir(join(world.source, 'image'));
    await writeFile(
      join(world.source, 'image/Dockerfile'),
      `FROM ${NODE_IMAGE}\nRUN mkdir -p /app/node_modules/x && echo 1 > /app/node_modules/x/file\n`,
    );
    await engine.buildImage(
      {
        tag,
        context: join(world.source, 'image'),
        dockerfile: 'Dockerfile',
        args: {},
        labels: { [LABELS.root]: world.rootId },
      },
      () => undefined,
      signal,
    );
    const spec = { ...withVolume('/app/node_modules'), image: tag };
    expect(
      await runLine(spec, 'cat node_modules/x/file; echo 2 > node_modules/x/file && rm -r node_modules/x'),
    ).toEqual(['1', 'exit 0']);
    expect((await world.listLeft()).filter((one) => one.startsWith('container'))).toEqual([]);
  });

  it('can use git in a linked worktree', async () => {
    const repo = join(world.root, 'repo');
    const worktree = join(await realpath(world.source), 'linked');
    const git = (cwd: string, ...args: string[]) =>
      run(
        'git',
        ['-C', cwd, '-c', 'user.name=x', '-c', 'user.email=x@example.com', '-c', 'commit.gpgsign=false', ...args],
        {
          env: { PATH: process.env.PATH, HOME: world.root },
        },
      );
    await mkdir(repo);
    await git(repo, 'init', '--quiet', '--initial-branch=main');
    await git(repo, 'commit', '--quiet', '--allow-empty', '-m', 'first');
    await git(repo, 'worktree', 'add', '--quiet', '-b', 'feat', worktree);
    if (isRoot) await run('chown', ['-R', `${PERSON.uid}:${PERSON.gid}`, repo, worktree]);
    const spec = { ...world.spec('serve'), source: worktree, gitCommonDir: join(repo, '.git') };
    const lines = await runLine(
      spec,
      'touch new && git add new && git -c user.name=x -c user.email=x commit -qm second && git log --format=%s && git branch --show-current',
    );
    expect(lines).toEqual(['second', 'first', 'feat', 'exit 0']);
    expect(await runLine({ ...spec, dir: '', workingDir: worktree }, 'git status --short')).toEqual(['exit 0']);
  });

  it('gets TERM in every process of its group', async () => {
    const script = `process.on('SIGTERM', () => { console.log('child ends'); process.exit(0); }); console.log('child up'); setInterval(() => {}, 1000);`;
    await writeFile(join(world.source, 'child.mjs'), script);
    // The shell is not replaced by node, and does not pass signals on.
    const spec = { ...world.spec(''), command: "trap 'echo shell' TERM; node child.mjs & wait; wait; echo after" };
    await world.runtime.start(spec, signal);
    await until('the child', async () => (await world.linesOf(spec)).includes('child up'));
    await world.runtime.stop(spec);
    expect(await world.linesOf(spec)).toEqual(expect.arrayContaining(['child ends', 'shell', 'after']));
  });
});
