import * as z from 'zod/mini';
import { parseJson } from '../json.ts';

/** Something that a review has found. */
export interface Finding {
  severity: 'blocker' | 'major' | 'minor';
  repo?: string | undefined;
  path?: string | undefined;
  line?: number | undefined;
  text: string;
}

const optional = <Schema extends z.core.SomeType>(schema: Schema) =>
  z.pipe(
    z.nullish(schema),
    z.transform((value) => value ?? undefined),
  );

/** The schema of one finding; what else an agent writes about it is dropped. */
export const findingSchema: z.ZodMiniType<Finding> = z.object({
  severity: z.enum(['blocker', 'major', 'minor']),
  repo: z.optional(optional(z.string())),
  path: z.optional(optional(z.string())),
  line: z.optional(optional(z.int())),
  text: z.string().check(z.minLength(1)),
});

/** Returns the findings that a text holds, or why it holds none. */
export function parseFindings(text: string): Finding[] | { problem: string } {
  const data = parseJson(text);
  if (!Array.isArray(data)) return { problem: 'it is not a list in JSON' };
  const found: Finding[] = [];
  for (const [index, one] of data.entries()) {
    const parsed = findingSchema.safeParse(one);
    if (parsed.success) found.push(parsed.data);
    else {
      const [issue] = parsed.error.issues;
      const key = issue?.path.join('.');
      return { problem: `finding ${index + 1} is none${key ? `: \`${key}\` is missing or wrong` : ''}` };
    }
  }
  return found;
}

/** Returns those that send a ticket back. */
export function listBlocking(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ severity }) => severity !== 'minor');
}

/** True for the same findings, in whatever order; lines move as other things are mended. */
export function areSame(one: readonly Finding[], other: readonly Finding[]): boolean {
  const keys = (all: readonly Finding[]): string[] =>
    [
      ...new Set(all.map(({ repo, path, text }) => JSON.stringify([repo, path, text.trim().replaceAll(/\s+/g, ' ')]))),
    ].sort();
  return JSON.stringify(keys(one)) === JSON.stringify(keys(other));
}

/** Returns a finding in one line: `major api/src/a.ts:3: …`. */
export function renderFinding({ severity, repo, path, line, text }: Finding): string {
  const place = [repo, path].filter((part) => part !== undefined).join('/');
  const where = place === '' ? '' : ` ${place}${line === undefined ? '' : `:${line}`}`;
  return `${severity}${where}: ${text}`;
}
