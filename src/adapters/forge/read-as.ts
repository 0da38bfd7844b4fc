import type { z } from 'zod';
import { StackError } from '../../domain/errors.ts';

/** Returns an answer of a forge as what it must be. Throws `process` where it is something else. */
export function readAs<Schema extends z.ZodType>(schema: Schema, answer: unknown, host: string): z.infer<Schema> {
  const read = schema.safeParse(answer);
  if (read.success) return read.data;
  const [first] = read.error.issues;
  throw new StackError(
    'process',
    `${host} answers otherwise than its API says: ${first?.path.join('.')}: ${first?.message}`,
    {
      hint: 'is its version an old one, or is another server there?',
      cause: read.error,
    },
  );
}
