import { ifAnswered, StackError } from '../../domain/errors.ts';
import { listWorkedOn } from '../../domain/instance.ts';
import { isOwnerAlive } from '../core/claim.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import { readLastUse } from './last-used.ts';
import { describeUse } from './limits.ts';
import { listRunning, pauseInstance } from './pause.ts';

/**
 * Pauses the tickets that nobody has used for as long as `idle:` of stack.yml says, but for some. Nobody is awake for it, so commands
 * that look do it. What cannot be looked at or paused stays as it is.
 */
export async function pauseIdle(stack: Stack, but: readonly string[]): Promise<void> {
  const idle = (await configIfReadable(stack))?.idleSeconds;
  if (idle === undefined) return;
  for (const record of listWorkedOn(await stack.store.read())) {
    if (but.includes(record.ticket) || record.phase !== 'ready' || (await isOwnerAlive(record))) continue;
    const running = await ifAnswered(() => listRunning(stack, record));
    if (running === undefined || running.length === 0) continue;
    const use = await ifAnswered(() => readLastUse(stack, record));
    if (!use || use.by !== undefined || Date.now() - use.at < idle * 1000) continue;
    if (!(await ifAnswered(() => pauseInstance(stack, record.ticket, refuse)))) continue;
    stack.emit({ type: 'info', text: `${record.ticket} was ${describeUse(use)}, and is paused (\`idle:\`)` });
  }
}

/** An agent has come meanwhile. */
async function refuse(question: string): Promise<void> {
  throw new StackError('conflict', question);
}
