import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { logFilesOf } from '../../../src/adapters/process/log-files.ts';
import { keeperFileOf, readKeeper } from '../../../src/adapters/process/log-keeper.ts';
import { filesOf, listRecords, writeRecord } from '../../../src/adapters/process/record.ts';
import { endRuns, listRuns, noteRun } from '../../../src/adapters/process/run-record.ts';
import { rootIdOf, workloadName } from '../../../src/domain/names.ts';
import { makeTemp } from '../../support/temp.ts';

/** Above the most that any system gives. */
const NOBODY = 2 ** 30;

describe('what is noted of processes', () => {
  let root: string;
  beforeEach(() => {
    root = makeTemp();
  });

  it('another repo’s command stays noted where nobody could see when it began', async () => {
    const group = { pid: NOBODY, startTime: '', name: 'feat-01-front-setup#00000001' };
    await noteRun(root, { instance: 'feat-01', repo: 'front' }, group);
    await endRuns(root, { instance: 'feat-01', repo: 'back' });
    expect(await listRuns(root, 'feat-01')).toMatchObject([group]);
    await endRuns(root, { instance: 'feat-01', repo: 'front' });
    expect(await listRuns(root, 'feat-01')).toEqual([]);
  });

  it('a start that is no text is no record, and no keeper', async () => {
    const [ref, files] = [{ instance: 'feat-01', service: 'front' }, logFilesOf(path.join(root, 'front.log'))];
    const told = { pid: NOBODY, startTime: 'then', run: '00000001' };
    const name = workloadName('shop', rootIdOf(root), ref.instance, ref.service);
    const more = { rootId: rootIdOf(root), stack: 'shop', repo: 'front', hash: '', startedAt: 0, cwd: root, ports: [] };
    await writeRecord(root, { ...ref, ...told, ...more, name, version: 1, stopped: false });
    writeFileSync(keeperFileOf(files), JSON.stringify({ ...told, half: 1 }));
    expect([await listRecords(root), await readKeeper(files)]).toMatchObject([[told], told]);
    for (const file of [filesOf(root, ref).record, keeperFileOf(files)]) {
      writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), startTime: 7 }));
    }
    expect([await listRecords(root), await readKeeper(files)]).toEqual([[], undefined]);
  });
});
