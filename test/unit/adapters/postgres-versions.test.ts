import { describe, expect, it } from 'vitest';
import type { Session } from '../../../src/adapters/postgres/connection.ts';
import { copyDatabase, dropDatabase } from '../../../src/adapters/postgres/databases.ts';

/** A server of some version: keeps what it is told, and always has one client. */
function serverOf(version: number): { session: Session; told: string[] } {
  const told: string[] = [];
  const query = async (text: string): Promise<never[]> => {
    told.push(text.replaceAll(/\s+/g, ' ').trim());
    return (text.startsWith('SELECT pid') ? [{ pid: 7, user: 'ada', application: '', address: null }] : []) as never[];
  };
  return { session: { version, query }, told };
}

const from = { name: 'shop', oid: 1, bytes: 8_000_000, mark: undefined, open: true };

describe('what a server is told', () => {
  it.each([
    [120_022, 'CREATE DATABASE "copy" TEMPLATE "shop" ALLOW_CONNECTIONS false'],
    [140_019, 'CREATE DATABASE "copy" TEMPLATE "shop" ALLOW_CONNECTIONS false'],
    [150_000, 'CREATE DATABASE "copy" TEMPLATE "shop" STRATEGY WAL_LOG ALLOW_CONNECTIONS false'],
  ])('has a strategy of copying only where it knows one: %i', async (version, statement) => {
    const { session, told } = serverOf(version);
    await copyDatabase(session, { name: 'copy', from, sealed: true });
    expect(told).toEqual([statement]);
  });

  it('copies the files of what is large', async () => {
    const { session, told } = serverOf(180_000);
    await copyDatabase(session, { name: 'copy', from: { ...from, bytes: 1e9 }, sealed: false });
    expect(told).toEqual(['CREATE DATABASE "copy" TEMPLATE "shop" STRATEGY FILE_COPY']);
  });

  it.each([
    [120_022, ['SELECT pid', 'SELECT pg_terminate_backend', 'DROP DATABASE IF EXISTS "copy"']],
    [130_000, ['SELECT pid', 'DROP DATABASE IF EXISTS "copy" WITH (FORCE)']],
  ])('ends connections by itself where DROP DATABASE cannot: %i', async (version, begins) => {
    const { session, told } = serverOf(version);
    await dropDatabase(session, 'copy', { force: true });
    expect(told).toHaveLength(begins.length);
    for (const [index, begin] of begins.entries()) expect(told[index]?.startsWith(begin)).toBe(true);
    expect(told.at(-1)).toBe(begins.at(-1));
  });
});
