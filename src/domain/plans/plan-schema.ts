import * as z from 'zod/mini';
import { anyText, flag, list, map, mapOf, optional, text } from '../config/schema.ts';

const COUNT = 'a number from 1 to 64';
const count = z.int(COUNT).check(z.gte(1, COUNT), z.lte(64, COUNT));
const RETRIES = 'a number from 0 to 20';
const NAME = 'a name of letters, digits, `.`, `_` and `-`, a letter first, 30 at most';
const name = z.string('a name').check(z.regex(/^[A-Za-z][\w.-]{0,29}$/, NAME));
const texts = (example: string) => list(`a list like \`${example}\``, text);

/** What a stage that is a name alone does. */
const KNOWN_STAGES = ['implement', 'review', 'fix', 'approve'] as const;
const WORDS = `one of ${KNOWN_STAGES.join(', ')}, or a map like \`{ name: test, run: npm test }\``;

const stage = map('a map like `{ name: test, run: npm test }`', {
  name: name.check(z.describe('What it is called')),
  run: optional(text, 'A shell line in the ticket’s folder'),
  agent: optional(text, 'The preset of an agent'),
  prompt: optional(anyText, 'What it is told before the task'),
  reviews: optional(name, 'The stage whose commits it reviews, apart from its author'),
  fixes: optional(name, 'The review whose findings it mends: the ticket comes here by that alone'),
  retries: optional(
    z.int(RETRIES).check(z.gte(0, RETRIES), z.lte(20, RETRIES)),
    'How often the review may send the ticket back; default 2',
  ),
});

const stages = list('a list of stages', z.union([z.enum(KNOWN_STAGES, { error: WORDS }), stage], WORDS));

const ticket = map('a map like `{ prompt: Show prices with tax }`', {
  prompt: optional(text, 'The task'),
  prompt_file: optional(text, 'The file that has the task, beside the plan'),
  from: optional(mapOf('a map of refs by repo', z.string(), text), 'What its branches start from, by repo'),
  with: optional(texts('[api]'), 'Shared repos of which it gets its own copy'),
  own: optional(texts('[postgres]'), 'Shared services of which it gets its own data'),
  after: optional(texts('[feat-01]'), 'Tickets that are done before it starts'),
  touches: optional(texts('["api/src/**"]'), 'What it is going to change, `REPO/GLOB`'),
  agent: optional(text, 'The preset of its agent'),
  stages: optional(stages, 'Its stages; left out: one, in which its agent works'),
  merge: optional(flag, 'Hand it to the merge queue once it is through'),
});

/** The schema of a plan file. */
export const planSchema = map('a map of keys', {
  name: optional(name, 'What the plan is called; else as its file'),
  max: optional(count, 'So many tickets side by side; default 3'),
  context: optional(texts('[docs/contract.md]'), 'Documents for all tickets, beside the plan'),
  verify: optional(text, 'The shell line that the merge queue verifies with; else `verify:` of stack.yml'),
  agent: optional(text, 'The preset of tickets that name none'),
  stages: optional(stages, 'The stages of tickets that name none'),
  merge: optional(flag, 'The same as of a ticket, for all'),
  tickets: mapOf('a map of tickets', z.string(), ticket),
});

export type PlanFile = z.infer<typeof planSchema>;
export type TicketFile = z.infer<typeof ticket>;
export type StageFile = z.infer<typeof stages>[number];
