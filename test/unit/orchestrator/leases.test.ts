import { describe, expect, it } from 'vitest';
import { StackError } from '../../../src/domain/errors.ts';
import { startOnLease } from '../../../src/orchestrator/core/leases.ts';

const taken = (port: number) => new StackError('port', `port ${port} is taken`, { details: { port } });

describe('a start on a leased port', () => {
  const progress = { signal: new AbortController().signal, note: () => undefined };

  it('goes on with another one where something took it meanwhile', async () => {
    let port = 3000;
    const start = async (): Promise<number> => {
      if (port === 3000) throw taken(port);
      return port;
    };
    const move = async (lost: number): Promise<void> => {
      port = lost + 1;
    };
    expect(await startOnLease(progress, start, move)).toBe(3001);
  });

  it('gives up at the sixth port that is taken', async () => {
    let port = 3000;
    const start = async (): Promise<void> => {
      throw taken(port);
    };
    const move = async (lost: number): Promise<void> => {
      port = lost + 1;
    };
    await expect(startOnLease(progress, start, move)).rejects.toThrow('port 3005 is taken');
  });

  it.each([new TypeError('port is not a function'), new StackError('port', 'no port is free')])(
    'passes on %s',
    async (error) => {
      const start = async (): Promise<void> => {
        throw error;
      };
      const move = async (): Promise<void> => expect.unreachable();
      await expect(startOnLease(progress, start, move)).rejects.toBe(error);
    },
  );
});
