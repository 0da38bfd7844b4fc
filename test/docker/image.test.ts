import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DockerEngine } from '../../src/adapters/docker/docker.ts';
import { LABELS } from '../../src/domain/names.ts';
import { cleanLabelled, findTestEngine, listLabelled, NODE_IMAGE, openClient } from '../support/engine.ts';

const found = await findTestEngine();
const { signal } = new AbortController();

describe.skipIf(!found)('images', () => {
  const engine = found as DockerEngine;
  let client: Docker;
  let rootId: string;
  let tag: string;
  let context: string;
  beforeAll(async () => {
    client = await openClient();
  });
  beforeEach(async () => {
    rootId = randomBytes(4).toString('hex');
    tag = `stack-image-${rootId}/feat-01.api:latest`;
    context = await mkdtemp(join(tmpdir(), 'stack-build-'));
  });
  afterEach(async () => {
    await cleanLabelled(client, rootId);
    await rm(context, { recursive: true, force: true });
  });

  const build = async (dockerfile: string, more: { target?: string; args?: Record<string, string> } = {}) => {
    await writeFile(join(context, 'Dockerfile'), dockerfile);
    const said: string[] = [];
    const request = { tag, context, dockerfile: 'Dockerfile', args: {}, labels: { [LABELS.root]: rootId }, ...more };
    await engine.buildImage(request, (text) => said.push(text), signal);
    return said;
  };

  it('that are here are not pulled', async () => {
    const said: string[] = [];
    await engine.ensureImage(NODE_IMAGE, (text) => said.push(text), signal);
    expect(said).toEqual([]);
  });

  it('that cannot be had are named, with the engine’s reason', async () => {
    const ref = `localhost:1/stack-nothing-${rootId}:1`;
    expect(await engine.hasImage(ref)).toBe(false);
    await expect(engine.ensureImage(ref, () => undefined, signal)).rejects.toMatchObject({
      code: 'engine',
      message: expect.stringMatching(new RegExp(`^image "${ref}" is not here and cannot be pulled: .+`)),
      hint: expect.stringContaining('docker pull'),
    });
    const aborted = engine.ensureImage(ref, () => undefined, AbortSignal.abort());
    await expect(aborted).rejects.toMatchObject({ code: 'interrupted' });
  });

  it('are built, step by step, from a folder', async () => {
    await writeFile(join(context, 'hello.txt'), 'hello');
    const said = await build(
      `FROM ${NODE_IMAGE} AS first\nARG WHO\nCOPY hello.txt /\nRUN echo "$WHO" > /who # ${rootId}\nFROM first\nRUN exit 1\n`,
      { target: 'first', args: { WHO: 'ann' } },
    );
    expect(said.filter((line) => /RUN echo/.test(line))).toHaveLength(1);
    expect(await engine.hasImage(tag)).toBe(true);
    const container = await client.createContainer({
      Image: tag,
      Cmd: ['cat', '/hello.txt', '/who'],
      Labels: { [LABELS.root]: rootId },
    });
    await container.start();
    await container.wait();
    expect(await engine.tailLog(container.id, 10)).toEqual(['helloann']);
  });

  it('that cannot be built tell the last lines of output', async () => {
    const failed = build(`FROM ${NODE_IMAGE}\nRUN echo all good; echo it broke >&2; exit 7\n`);
    await expect(failed).rejects.toMatchObject({
      code: 'engine',
      message: expect.stringMatching(/cannot be built: .*7/),
      lines: expect.arrayContaining(['all good', 'it broke']),
    });
    expect(await engine.hasImage(tag)).toBe(false);
  });

  it('may need BuildKit', async () => {
    const said = await build(
      `FROM ${NODE_IMAGE}\nRUN --mount=type=cache,target=/cache echo with-a-cache > /made # ${rootId}\n`,
    );
    expect(said.join('\n')).toContain('RUN --mount=type=cache');
    expect(await engine.hasImage(tag)).toBe(true);
    const failed = build(`FROM ${NODE_IMAGE}\nRUN --mount=type=cache,target=/cache echo it broke; exit 7\n`);
    await expect(failed).rejects.toMatchObject({ lines: expect.arrayContaining(['it broke']) });
  });

  it('built again replace those before, and are removed once', async () => {
    await build(`FROM ${NODE_IMAGE}\nRUN echo 1 > /version\n`);
    await build(`FROM ${NODE_IMAGE}\nRUN echo 2 > /version\n`);
    expect(await listLabelled(client, rootId)).toEqual([`image ${tag}`]);
    await engine.removeImage(tag, 'another');
    expect(await listLabelled(client, rootId)).toEqual([`image ${tag}`]);
    await engine.removeImage(tag, rootId);
    await engine.removeImage(tag, rootId);
    expect(await listLabelled(client, rootId)).toEqual([]);
  });

  it('that stack did not build are never removed', async () => {
    await engine.removeImage(NODE_IMAGE, rootId);
    expect(await engine.hasImage(NODE_IMAGE)).toBe(true);
  });

  it('need a Dockerfile', async () => {
    const request = { tag, context, dockerfile: 'None', args: {}, labels: {} };
    await expect(engine.buildImage(request, () => undefined, signal)).rejects.toMatchObject({
      code: 'config',
      message: expect.stringContaining(join(context, 'None')),
    });
  });

  it('stop being built when aborted', async () => {
    await writeFile(join(context, 'Dockerfile'), `FROM ${NODE_IMAGE}\nRUN sleep 60\n`);
    const aborting = new AbortController();
    const request = { tag, context, dockerfile: 'Dockerfile', args: {}, labels: { [LABELS.root]: rootId } };
    const built = engine.buildImage(request, (text) => text.includes('sleep') && aborting.abort(), aborting.signal);
    await expect(built).rejects.toMatchObject({ code: 'interrupted' });
  });
});
