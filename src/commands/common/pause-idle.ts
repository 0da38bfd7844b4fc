import type { Context } from '../../context.ts';

/** Pauses what nobody has used for as long as `idle:` says, but for the ticket whose folder we are in, and for one. */
export async function pauseIdleTickets(context: Context, but: readonly string[] = []): Promise<void> {
  const stack = await context.stack();
  const { pauseIdle } = await import('../../orchestrator/capacity/idle.ts');
  const { ticket } = await context.place();
  await pauseIdle(stack, [...but, ...(ticket === undefined ? [] : [ticket])]);
}
