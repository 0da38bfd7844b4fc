import { type FaultWorld, makeFaultWorld, type Scene } from './world.ts';

/** Some worlds that cases are run in side by side. */
export interface Pool {
  /** Runs `work` for every item, each in a world that has nothing of ours; a world that it left spoilt is replaced. */
  each<Item, Result>(
    items: readonly Item[],
    work: (world: FaultWorld, item: Item) => Promise<Result>,
    isSpoilt?: (result: Result) => boolean,
  ): Promise<Result[]>;
  close(): Promise<void>;
}

/** Makes a pool of worlds. */
export async function openPool(scene: Scene, jobs: number): Promise<Pool> {
  const worlds = await Promise.all(Array.from({ length: jobs }, () => makeFaultWorld(scene)));
  const replace = async (slot: number): Promise<void> => {
    await worlds[slot]?.raze();
    worlds[slot] = await makeFaultWorld(scene);
  };
  return {
    async each(items, work, isSpoilt = () => false) {
      const results: Awaited<ReturnType<typeof work>>[] = [];
      const queue = items.map((item, index) => ({ item, index }));
      const serve = async (slot: number): Promise<void> => {
        for (let next = queue.shift(); next; next = queue.shift()) {
          const result = await work(worlds[slot] as FaultWorld, next.item).catch(async (error: unknown) => {
            await replace(slot);
            throw error;
          });
          results[next.index] = result;
          if (isSpoilt(result)) await replace(slot);
        }
      };
      await Promise.all(worlds.map((_, slot) => serve(slot)));
      return results;
    },
    async close() {
      await Promise.all(worlds.map((world) => world.raze()));
    },
  };
}
