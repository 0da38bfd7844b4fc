import { describe, expect, it } from 'vitest';
import { StackError } from '../../src/domain/errors.ts';
import type { StackEvent } from '../../src/domain/events.ts';
import type { Step, StepId, StepState } from '../../src/domain/step.ts';
import { runBackward, runForward } from '../../src/orchestrator/core/run.ts';

const idOf = (name: string): StepId => ({ kind: 'worktree', of: name });

/** A world of named things; each step makes one of them, and `log` tells in which order. */
function createWorld() {
  const log: string[] = [];
  const there = new Map<string, StepState>();
  const failing = new Map<string, Error>();
  const step = (name: string, after: string[] = [], gate?: Promise<unknown>): Step => ({
    id: idOf(name),
    subject: name,
    title: name,
    after: after.map(idOf),
    inspect: async () => there.get(name) ?? 'absent',
    async apply({ signal }) {
      log.push(`+${name}`);
      await gate;
      const error = failing.get(name);
      if (error) throw error;
      if (signal.aborted) throw new Error('stopped');
      there.set(name, 'present');
    },
    async revert() {
      const error = failing.get(`-${name}`);
      if (error) throw error;
      log.push(`-${name}`);
      there.delete(name);
    },
  });
  return { log, there, failing, step };
}

const quiet = { emit: () => undefined, signal: new AbortController().signal };

describe('running steps forward', () => {
  it('makes each thing once, after what it stands on', async () => {
    const { log, step } = createWorld();
    const result = await runForward([step('c', ['a', 'b']), step('b', ['a']), step('a')], quiet);
    expect(log).toEqual(['+a', '+b', '+c']);
    expect(result.error).toBeUndefined();
  });

  it('leaves alone what is present and tells changed from made', async () => {
    const { log, there, step } = createWorld();
    there.set('a', 'present').set('b', { different: 'changed: env' });
    const result = await runForward([step('a'), step('b'), step('c')], quiet);
    expect(log.sort()).toEqual(['+b', '+c']);
    expect(result.made.map(({ id }) => id.of)).toEqual(['c']);
    expect(result.changed.map(({ id }) => id.of)).toEqual(['b']);
  });

  it('tells why it changes what is there', async () => {
    const { there, step } = createWorld();
    there.set('a', { different: 'changed: env' });
    const events: StackEvent[] = [];
    await runForward([step('a'), step('b')], { ...quiet, emit: (event) => events.push(event) });
    expect(events.filter(({ type }) => type === 'step-done')).toMatchObject([
      { id: 'worktree a', outcome: 'changed', reason: 'changed: env' },
      { id: 'worktree b', outcome: 'made' },
    ]);
  });

  it('runs what does not stand on each other side by side', async () => {
    const { log, step } = createWorld();
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const done = runForward([step('front', [], gate), step('api', [], gate)], quiet);
    await expect.poll(() => log).toEqual(['+front', '+api']);
    open();
    expect((await done).error).toBeUndefined();
  });

  it('stops at the first failure, keeps it, and counts the failing step among those begun', async () => {
    const { log, failing, step } = createWorld();
    failing.set('b', new StackError('git', 'no'));
    const result = await runForward([step('a'), step('b', ['a']), step('c', ['b'])], quiet);
    expect(result.error).toMatchObject({ message: 'no' });
    expect(log).toEqual(['+a', '+b']);
    expect(result.made.map(({ id }) => id.of)).toEqual(['a', 'b']);
  });

  it('an interrupt is told as such, whatever the steps throw then', async () => {
    const { step } = createWorld();
    const controller = new AbortController();
    const gate = new Promise<void>((resolve) => {
      controller.signal.addEventListener('abort', () => resolve());
    });
    const done = runForward([step('a', [], gate), step('b', ['a'])], { ...quiet, signal: controller.signal });
    controller.abort('SIGINT');
    expect((await done).error).toMatchObject({ code: 'interrupted' });
  });
});

describe('the order of steps', () => {
  it('is refused, and nothing is made, where one comes after a step that the list lacks', async () => {
    const { log, step } = createWorld();
    const { error } = await runForward([step('a'), step('b', ['aa'])], quiet);
    expect(error).toMatchObject({
      code: 'internal',
      message: 'the step worktree b comes after worktree aa, which is not in its list',
    });
    expect(log).toEqual([]);
  });

  it('may name a step that the list lacks where that is said, and keeps to it where it is there', async () => {
    const { log, step } = createWorld();
    const b: Step = { ...step('b'), afterIfListed: [idOf('a'), idOf('aa')] };
    expect((await runForward([b, step('a')], quiet)).error).toBeUndefined();
    expect((await runBackward([step('a'), b], quiet)).length).toBe(0);
    expect(log).toEqual(['+a', '+b', '-b', '-a']);
  });

  it('is that of the whole list where a part of it runs', async () => {
    const { log, step } = createWorld();
    const list = [step('a'), step('b', ['a'])];
    expect((await runForward(list.slice(1), { ...quiet, list })).error).toBeUndefined();
    expect(log).toEqual(['+b']);
  });

  it('is refused with the way round where it is a cycle', async () => {
    const { log, step } = createWorld();
    const { error } = await runForward([step('a', ['c']), step('b', ['a']), step('c', ['b'])], quiet);
    expect(error).toMatchObject({
      code: 'internal',
      message: 'these steps come after each other: worktree a → worktree c → worktree b → worktree a',
    });
    expect(log).toEqual([]);
  });
});

describe('running steps backward', () => {
  it('unmakes each thing before what it stands on', async () => {
    const { log, step } = createWorld();
    const leftovers = await runBackward([step('a'), step('b', ['a']), step('c', ['a', 'b'])], quiet);
    expect(log).toEqual(['-c', '-b', '-a']);
    expect(leftovers).toEqual([]);
  });

  it('goes on after a failure and names what is left', async () => {
    const { log, failing, step } = createWorld();
    failing.set('-b', new Error('held'));
    const leftovers = await runBackward([step('a'), step('b', ['a']), step('c', ['b'])], quiet);
    expect(log).toEqual(['-c', '-a']);
    expect(leftovers.map(({ name }) => name)).toEqual(['worktree b']);
  });
});
