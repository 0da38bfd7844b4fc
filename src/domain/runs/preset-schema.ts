import * as z from 'zod/mini';
import { anyText, flag, list, map, mapOf, optional, text } from '../config/schema.ts';

const words = (example: string) => list(`a list of words like \`${example}\``, anyText);

const part = map('a map like `{ command: [resume], args: [--last] }`', {
  command: optional(words('[resume, "${session}"]'), 'Words right behind the program, before every option'),
  args: optional(words('[--continue]'), 'Options'),
});

const PROMPT_WAYS = ['argument', 'stdin', 'file'] as const;
const promptSchema = map('a map like `{ by: argument, args: ["${prompt}"] }`', {
  by: z
    .enum(PROMPT_WAYS, { error: '`argument`, `stdin` or `file`' })
    .check(z.describe('How the prompt is handed over')),
  args: optional(words('[--, "${prompt}"]'), 'Last words of the command line; ${prompt} or ${prompt_file} in one'),
});

const path = z
  .string('the path of a field, like `error.message`')
  .check(z.regex(/^[\w-]+(\.[\w-]+)*$/, 'the path of a field, like `error.message`'));
const PATHS = 'a list of fields like `[message, error.message]`';
const paths = list(PATHS, path);

const scalar = z.union([anyText, z.number('a number'), flag], 'a text, a number, true or false');
const wanted = z.union([scalar, list('a list of values', scalar)], 'a value, or a list of values of which one fits');

const PATTERN = 'a regular expression';
const pattern = text.check(z.refine(isPattern, PATTERN));

function isPattern(text: string): boolean {
  try {
    new RegExp(text, 'm');
    return true;
  } catch {
    return false;
  }
}

const costSchema = map('a map like `{ of: run, usd: total_cost_usd }`', {
  of: z
    .enum(['run', 'turn'], { error: '`run` or `turn`' })
    .check(z.describe('What the figures are of: all the run so far, or one turn more')),
  usd: optional(path, 'Field with dollars'),
  input: optional(paths, 'Fields with tokens read; added up'),
  output: optional(paths, 'Fields with tokens written; added up'),
});

/** The schema of what one event means. */
export const ruleSchema = map('a map like `{ state: waiting, text: [message] }`', {
  is: optional(mapOf('a map like `{ type: permission }`', path, wanted), 'Fields that must hold these values'),
  match: optional(mapOf('a map like `{ text: ^Done }`', path, pattern), 'Fields that must be texts like these'),
  has: optional(paths, 'Fields that must be there and hold something'),
  state: optional(
    z.enum(['starting', 'working', 'waiting', 'done'], { error: '`starting`, `working`, `waiting` or `done`' }),
    'What the agent is doing from now on',
  ),
  text: optional(paths, 'Fields of which the first that holds a text says more'),
  say: optional(text, 'The text where no field holds one'),
  background: optional(path, 'Field with the tasks that still run: a list, or how many'),
  session: optional(path, 'Field with the name of the session'),
  cost: optional(costSchema, 'Fields with what it has cost'),
});

const RULES = 'a rule like `{ state: done }`, or a list of them of which the first that fits counts';
const eventsSchema = mapOf(
  'a map of events like `{ Stop: { state: done } }`',
  z.string('the name of an event'),
  z.union([ruleSchema, list(RULES, ruleSchema)], RULES),
);

const fileSchema = map('a map like `{ path: "${run}/settings.json", json: {} }`', {
  path: text.check(z.describe('Where it is written; begins with ${run} or ${ticket}')),
  text: optional(anyText, 'What it holds'),
  json: optional(z.record(z.string(), z.unknown(), { error: 'a map' }), 'What it holds, written as JSON'),
});

const variables = mapOf('a map of variables', z.string('a name'), anyText);

const headlessSchema = map('a map like `{ args: [--print] }`', {
  command: optional(words('[exec]'), 'Words right behind the program, before every option'),
  args: optional(words('[--print]'), 'More options'),
  env: optional(variables, 'More variables'),
  prompt: optional(promptSchema, 'How the prompt is handed over, where that differs'),
});

const SCREEN = 'a list like `[{ match: "Do you trust", state: waiting, text: trust }]`';
const screenSchema = map('a map like `{ match: "Do you trust", state: waiting, text: trust }`', {
  match: pattern.check(z.describe('Regular expression that what the terminal shows matches')),
  state: z.enum(['working', 'waiting'], { error: '`working` or `waiting`: no screen proves more' }),
  text: optional(text, 'What is said of it'),
});

const PLACE = 'a file below the folder that it stands in, like `.mcp.json`';
const mcpSchema = map('a map like `{ file: .mcp.json, json: {} }`', {
  file: z
    .string(PLACE)
    .check(z.regex(/^(?!\/)(?!.*(^|\/)\.\.(\/|$))[\w./-]+$/, PLACE), z.describe('Its file with MCP servers')),
  json: optional(
    z.record(z.string(), z.unknown(), { error: 'a map' }),
    'What is laid over it; a word `${args}` of a list stands for all arguments of stack',
  ),
  text: optional(anyText, 'What is put behind it, where it is no JSON; `${args.json}` is the list of the arguments'),
  unless: optional(pattern, 'Regular expression that a file matches which has such a server in another way'),
});

/** The schema of a preset: validation and type are both made from it. */
export const presetSchema = map('a map with at least `title` and `program`', {
  title: text.check(z.describe('What people call it')),
  program: text.check(z.describe('The program, found in PATH')),
  install: optional(text, 'How it is installed, said where it is missing'),
  folder: optional(
    z.enum(['ticket', 'repo'], { error: '`ticket` or `repo`' }),
    'Where it stands: in the ticket’s folder, or in its first repo; default ticket',
  ),
  args: optional(words('[--verbose]'), 'Options'),
  each_repo: optional(
    words('[--add-dir, "${path}"]'),
    'Options that tell it of a repo that is not below the folder it stands in',
  ),
  env: optional(variables, 'Variables'),
  files: optional(list('a list of files', fileSchema), 'Files that are written before it starts'),
  prompt: optional(promptSchema, 'How the prompt is handed over; default: as the last argument'),
  resume: optional(
    map('a map like `{ last: { args: [--continue] } }`', {
      session: optional(part, 'How it goes on with the session ${session}'),
      last: optional(part, 'How it goes on with the last session of its folder'),
    }),
    'How it goes on with a session that has ended',
  ),
  headless: optional(headlessSchema, 'How it is run without a terminal; left out: it needs one'),
  ignore: optional(paths, 'Fields that no event of the agent itself has: those of a subagent are passed over'),
  session: optional(path, 'Field of every event with the name of the session'),
  events: optional(eventsSchema, 'What its events mean'),
  output: optional(
    map('a map like `{ name: type, events: {} }`', {
      name: path.check(z.describe('Field that names the event')),
      events: eventsSchema,
    }),
    'What the lines of JSON mean that it prints without a terminal',
  ),
  mcp: optional(mcpSchema, 'How it is told of `stack mcp`; left out: it takes no MCP servers'),
  screen: optional(list(SCREEN, screenSchema), 'What may be read off its terminal, where nothing else has said it'),
});
