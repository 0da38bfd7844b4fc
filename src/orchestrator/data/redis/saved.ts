import { makeFolder, readFileIfThere, replaceFile } from '../../../adapters/files/files.ts';
import { countKeys, dumpKeys, loadKeys, type RedisLogin } from '../../../adapters/redis/redis.ts';
import type { SavedPart } from '../../../domain/rescue.ts';
import { configIfReadable } from '../../core/stack.ts';
import type { Work } from '../../core/work.ts';
import { dumpFile, dumpsFolder } from '../dumps.ts';
import { isWhereItWas, openRedis, ownRedis, REDIS } from './redis.ts';
import { withServer } from './server.ts';

/** Saves the keys of a ticket's own Redis; undefined where there is none. Throws `database`, `files`. */
export async function saveKeys(work: Work, name: string): Promise<SavedPart | undefined> {
  const redis = ownRedis(work.record);
  if (!redis?.checked) return undefined;
  const config = await configIfReadable(work.stack);
  if (!isWhereItWas(work.stack, config, redis)) return undefined;
  const save = async (): Promise<SavedPart | undefined> => {
    const login = openRedis(work.stack, config, work.shared, redis);
    if (!login || (await countKeys(login)) === 0) return undefined;
    await makeFolder(dumpsFolder(work.stack));
    await replaceFile(dumpFile(work.stack, `${name}.keys`), await dumpKeys(login));
    return { dump: `${name}.keys` };
  };
  return redis.as === 'server' ? withServer(work, redis, save) : save();
}

/** Puts saved keys back into a ticket's own Redis, where they are kept still. */
export async function bringKeysBack(work: Work, login: RedisLogin): Promise<void> {
  const dump = work.rescue?.own?.[REDIS]?.dump;
  const text = dump && (await readFileIfThere(dumpFile(work.stack, dump)));
  if (text) await loadKeys(login, text);
}
