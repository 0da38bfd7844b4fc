import { describe, expect, it } from 'vitest';
import { bestEffort, explainShortage, ifAnswered, StackError, tolerate } from '../../src/domain/errors.ts';
import { configIfReadable } from '../../src/orchestrator/core/stack.ts';

const systemError = (code: string): Error => Object.assign(new Error(`${code}: of the system`), { code });
const fault = new TypeError('x is not a function');
const shortage = explainShortage(systemError('EMFILE')) ?? fault;
const failing = (error: Error) => async (): Promise<never> => {
  throw error;
};

describe('stack.yml, where a command can do without it', () => {
  it.each(['config', 'files'] as const)('is nothing where it fails with %s, and the reason is told', async (code) => {
    const told: string[] = [];
    const config = failing(new StackError(code, 'it is broken'));
    expect(await configIfReadable({ config }, ({ message }) => told.push(message))).toBeUndefined();
    expect(told).toEqual(['it is broken']);
  });

  it.each([
    ['a fault of stack', fault],
    ['an interruption', new StackError('interrupted', 'interrupted')],
    ['a lack of descriptors', shortage],
    ['a disk that fails', systemError('EIO')],
  ])('is not taken for missing after %s', async (_, error) => {
    await expect(configIfReadable({ config: failing(error) })).rejects.toBe(error);
  });
});

describe('an error that is meant', () => {
  it('is one of the codes named, of ours or of the system', async () => {
    expect(await tolerate(failing(new StackError('git', 'no'))(), 'git')).toBeUndefined();
    expect(await tolerate(failing(systemError('ENOENT'))(), 'ENOENT', 'ENOTDIR')).toBeUndefined();
    await expect(tolerate(failing(systemError('EACCES'))(), 'ENOENT')).rejects.toThrow('EACCES');
    await expect(tolerate(failing(fault)(), 'git', 'ENOENT')).rejects.toBe(fault);
    await expect(tolerate(failing(shortage)(), 'files')).rejects.toBe(shortage);
  });

  it('is whatever the world answers to a question, and no fault of stack', async () => {
    expect(await ifAnswered(failing(new StackError('engine', 'no')))).toBeUndefined();
    for (const error of [fault, shortage, systemError('EIO'), new StackError('interrupted', 'interrupted')])
      await expect(ifAnswered(failing(error))).rejects.toBe(error);
  });

  it('is any but a fault of stack where the work is a best effort', async () => {
    await bestEffort(failing(systemError('ENOTEMPTY'))());
    await expect(bestEffort(failing(fault)())).rejects.toBe(fault);
  });
});
