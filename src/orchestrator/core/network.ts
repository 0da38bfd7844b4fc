import { LABELS, networkName } from '../../domain/names.ts';
import type { Stack } from './stack.ts';

/** Makes the stack's one network where it is not there. One a ticket would use up the engine's address pool after about 30. */
export async function ensureNetwork({ name, root, rootId, docker }: Stack): Promise<void> {
  const labels = { [LABELS.root]: rootId, [LABELS.rootPath]: root, [LABELS.stack]: name };
  await (await docker()).ensureNetwork(networkName(name, rootId), labels);
}
