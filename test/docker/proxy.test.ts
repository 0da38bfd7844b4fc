import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectEngine, type DockerEngine } from '../../src/adapters/docker/docker.ts';
import { findTestEngine, NODE_IMAGE, openClient } from '../support/engine.ts';
import { answer, type EngineProxy, HTML_PAGE, openEngineProxy } from '../support/engine-proxy.ts';
import { makeTemp } from '../support/temp.ts';

const found = await findTestEngine();
const ROOT_ID = 'no-root';

describe.skipIf(!found)('an engine behind a proxy', () => {
  let proxy: EngineProxy;
  let engine: DockerEngine;
  let controller: AbortController;
  beforeEach(async () => {
    proxy = await openEngineProxy(makeTemp('proxy'));
    controller = new AbortController();
    engine = await connect('1');
  });
  afterEach(() => proxy.close());

  const connect = (seconds: string): Promise<DockerEngine> => {
    const env = { DOCKER_HOST: proxy.address, STACK_ENGINE_TIMEOUT: seconds };
    return connectEngine({ env, signal: controller.signal });
  };

  /** Every kind of question and change that leaves nothing behind. */
  const calls: [string, (engine: DockerEngine) => Promise<unknown>][] = [
    ['a list', (one) => one.listOwned(ROOT_ID)],
    ['a look at one thing', (one) => one.hasImage(NODE_IMAGE)],
    ['a look at what is not there', (one) => one.inspectState('no-such-container')],
    ['a change', (one) => one.connectContainer('no-such-network', 'no-such-container', [])],
    ['a pull', (one) => one.ensureImage('registry.invalid/none:0', () => undefined, controller.signal)],
  ];

  it.each(calls)('%s is refused in the engine’s words, or answered, through it', async (_, call) => {
    const direct = await connectEngine({ env: process.env });
    const told = (one: DockerEngine): Promise<unknown> => call(one).catch((error: Error) => error.message);
    expect(await told(engine)).toEqual(await told(direct));
  });

  it.each(calls.flatMap(([name, call]) => [0, 20, 150].map((bytes) => ({ name, bytes, call }))))(
    '$name whose answer is cut after $bytes bytes is an error',
    async ({ bytes, call }) => {
      proxy.strike({ kind: 'cut', bytes });
      await expect(call(engine)).rejects.toMatchObject({
        code: 'engine',
        message: expect.stringMatching(/no Docker engine answers at|broke off in the middle of an answer/),
      });
    },
  );

  it('every cut of one answer is an error, and none is taken for the whole', async () => {
    const whole = await engine.listOwned(ROOT_ID);
    for (let bytes = 0; ; bytes += 37) {
      proxy.strike({ kind: 'cut', bytes }, /\/volumes/);
      const told = await engine.listOwned(ROOT_ID).catch((error: unknown) => error);
      if (!(told instanceof Error)) {
        expect(told).toEqual(whole);
        expect(bytes).toBeGreaterThan(200);
        return;
      }
    }
  });

  it.each(calls.slice(0, 3))('%s that is not answered ends by itself', async (_, call) => {
    proxy.strike({ kind: 'hold' });
    await expect(call(engine)).rejects.toMatchObject({
      code: 'engine',
      message: `the Docker engine at ${proxy.address} takes questions and does not answer (1 s)`,
      hint: expect.stringContaining('STACK_ENGINE_TIMEOUT'),
    });
  });

  it.each(calls)('%s that is not answered ends with the signal, long before its deadline', async (_, call) => {
    const patient = await connect('3600');
    proxy.strike({ kind: 'hold' });
    const pending = call(patient);
    await expect.poll(() => proxy.asked.length).toBeGreaterThan(0);
    controller.abort('SIGTERM');
    await expect(pending).rejects.toMatchObject({ code: 'interrupted' });
  });

  it('what is asked after the signal, to unwind, is answered', async () => {
    controller.abort('SIGTERM');
    expect(await engine.hasImage(NODE_IMAGE)).toBe(true);
  });

  it('an engine that has begun to be silent is asked for shorter, until it answers', async () => {
    engine = await connect('2');
    proxy.strike({ kind: 'hold' }, /^/, 2);
    await expect(engine.hasImage(NODE_IMAGE)).rejects.toThrow('(2 s)');
    await expect(engine.hasImage(NODE_IMAGE)).rejects.toThrow('(0.5 s)');
    expect(await engine.hasImage(NODE_IMAGE)).toBe(true);
  });

  it.each([
    ['a proxy’s page as a refusal', HTML_PAGE, '502 Bad Gateway \\(text/html\\)'],
    ['a page as an answer', answer('200 OK', 'text/html', '<html></html>'), '200 OK \\(text/html\\)'],
    [
      'a page for what is missing',
      answer('404 Not Found', 'text/html', '<html></html>'),
      '404 Not Found \\(text/html\\)',
    ],
    ['a redirect, which has no text', answer('302 Found', 'text/plain', ''), '302 Found \\(text/plain\\)'],
    ['a text that is no JSON', answer('200 OK', 'application/json', '{"Id": '), '200 OK \\(application/json\\)'],
  ])('%s is no engine', async (_, text, said) => {
    for (const [, call] of calls) {
      proxy.strike({ kind: 'answer', text });
      await expect(call(engine)).rejects.toThrow(
        new RegExp(`^no Docker engine answers at ${proxy.address}, but something else: ${said}$`),
      );
    }
    expect(await engine.runtime.check()).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/^no Docker engine answers/),
    });
  });

  it('one that refuses connections is no engine', async () => {
    proxy.strike({ kind: 'refuse' });
    for (const [, call] of calls)
      await expect(call(engine)).rejects.toThrow(`no Docker engine answers at ${proxy.address}`);
  });

  it('one that is slow is waited for', async () => {
    proxy.strike({ kind: 'delay', ms: 300 });
    expect(await engine.hasImage(NODE_IMAGE)).toBe(true);
  });

  it.each([
    ['cut', { kind: 'cut', bytes: 400 }],
    ['not gone on with', { kind: 'stall', bytes: 400 }],
  ] as const)('a log that is %s is an error', async (_, fault) => {
    const client = await openClient();
    const container = await client.createContainer({ Image: NODE_IMAGE, Cmd: ['seq', '100000'] });
    try {
      await container.start();
      await container.wait();
      proxy.strike(fault, /\/logs/);
      await expect(engine.tailLog(container.id, 100_000)).rejects.toMatchObject({ code: 'engine' });
    } finally {
      await container.remove({ force: true });
    }
  });

  it.each([
    ['cut', { kind: 'cut', bytes: 20 }],
    ['cut later', { kind: 'cut', bytes: 250 }],
    ['not told', { kind: 'hold' }],
    ['refused', { kind: 'refuse' }],
    ['a page', { kind: 'answer', text: HTML_PAGE }],
    ['an empty page', { kind: 'answer', text: answer('200 OK', 'text/html', '') }],
    ['a page that is JSON', { kind: 'answer', text: answer('200 OK', 'text/html', '{}') }],
    ['no events', { kind: 'answer', text: answer('200 OK', 'application/json', '{}') }],
    ['forbidden', { kind: 'answer', text: answer('403 Forbidden', 'application/json', '{"message":"no"}') }],
  ] as const)('events that are %s are no failure, and the watch says that it is over', async (_, fault) => {
    const ref = { rootId: ROOT_ID, stack: 'none', instance: 'none', service: 'none', name: 'none' };
    let told = 0;
    proxy.strike(fault, /\/events/);
    const tell = (): void => {
      told += 1;
    };
    // What is cut later than its head waits for the first event, which never comes here.
    const signal = AbortSignal.timeout(3000);
    await engine.runtime.watch(ref, tell, signal);
    expect(told).toBeGreaterThan(0);
    // Longer than an engine gets that has been silent.
    proxy.strike({ kind: 'delay', ms: 350 });
    expect(await engine.hasImage(NODE_IMAGE)).toBe(true);
  });

  it('a build that is cut is an error', async () => {
    const context = path.join(makeTemp('context'), 'app');
    mkdirSync(context);
    writeFileSync(path.join(context, 'Dockerfile'), `FROM ${NODE_IMAGE}\nENV A=1\nENV B=2\nENV C=3\n`);
    proxy.strike({ kind: 'cut', bytes: 400 }, /\/build/);
    const request = { tag: 'stack-test-cut:1', context, dockerfile: 'Dockerfile', args: {}, labels: {} };
    await expect(engine.buildImage(request, () => undefined, controller.signal)).rejects.toMatchObject({
      code: 'engine',
    });
  });
});
