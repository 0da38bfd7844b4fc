import { messageOf, StackError } from '../../domain/errors.ts';
import { BASELINE } from '../../domain/instance.ts';
import type { Leftover } from './run.ts';

export function undoing(ticket: string): string {
  return ticket === BASELINE ? 'stack down' : `stack destroy ${ticket}`;
}

export function withLeftovers(first: Error, leftovers: readonly Leftover[], retry: string): StackError {
  const names = leftovers.map(({ name }) => name);
  const lines = leftovers.flatMap(describeLeftover);
  return new StackError('leftover', `${first.message}; and this could not be cleaned up: ${names.join(', ')}`, {
    hint: `\`${retry}\` tries again`,
    lines: [...(first instanceof StackError ? first.lines : []), ...lines],
    details: { first: first instanceof StackError ? first.code : 'internal', leftovers: names },
    cause: first,
  });
}

/** What kept it from going, with what would help, since the error's own hint is about trying again. */
function describeLeftover({ name, error }: Leftover): string[] {
  if (!(error instanceof StackError)) return [`${name}: ${messageOf(error)}`];
  const { message, lines, hint } = error;
  return [`${name}: ${message}`, ...lines.map((line) => `  ${line}`), ...(hint === undefined ? [] : [`  ${hint}`])];
}

/** Returns the error for a teardown that left something. */
export function leftoverError(ticket: string, leftovers: readonly Leftover[]): StackError {
  const lines = leftovers.flatMap(describeLeftover);
  return new StackError('leftover', `${ticket}: could not remove ${leftovers.map(({ name }) => name).join(', ')}`, {
    hint: `fix that, then \`${undoing(ticket)}\` goes on from there`,
    lines,
    details: { ticket, leftovers: leftovers.map(({ name }) => name) },
  });
}

/** Returns the error for a teardown that was interrupted: what it has not come to stays, and the record with it. */
export function interruptedAt(retry: string): StackError {
  return new StackError('interrupted', 'interrupted', { hint: `\`${retry}\` goes on from there` });
}
