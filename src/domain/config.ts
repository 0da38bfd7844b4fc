import { z } from 'zod';

/** Names of repos and services: they become flags, host names and container names. */
const name = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'use lower-case letters, digits and inner hyphens')
  .max(30, 'at most 30 characters');

const port = z.number().int().min(1, 'a port is 1 to 65535').max(65535, 'a port is 1 to 65535');

/** A string is a shell line; a list is an argv that no shell sees. */
const command = z.union([z.string().min(1), z.array(z.string()).min(1)]);

/** `30`, `30s` or `2m`; read as seconds. */
const duration = z.union([z.number().positive(), z.string().regex(/^\d+(s|m)?$/, 'use seconds, `90s` or `2m`')]);

const runtime = z.enum(['docker', 'process', 'auto']);

const portSchema = z.strictObject({
  baseline: port.optional().describe('Port of the baseline, when the repo is shared'),
  from: port.describe('First port given to tickets'),
  to: port.optional().describe('Last port given to tickets; default: from + 998'),
  container: port.optional().describe('Port the service listens on inside its container; default: the leased port'),
});

const readySchema = z.strictObject({
  http: z.string().startsWith('/', 'a path that begins with /').optional().describe('Path that answers 2xx or 3xx'),
  port: name.optional().describe('Name of the port that accepts connections'),
  log: z.string().optional().describe('Regular expression that a log line matches'),
  timeout: duration.optional().describe('How long to wait; default 60s'),
});

const repoSchema = z.strictObject({
  path: z.string().min(1).describe('The main checkout, relative to stack.yml'),
  title: z.string().min(1).optional().describe('Column heading in `stack ps`; default: the name'),
  base: z
    .string()
    .min(1)
    .optional()
    .describe('Ref that new branches start from; default: the branch the remote calls its head, else main'),
  shared: z.boolean().optional().describe('Tickets borrow the baseline’s copy unless they ask for their own'),
  setup: z.array(command).optional().describe('Commands run in every new worktree'),
  copy: z.array(z.string().min(1)).optional().describe('Files copied from the main checkout (globs)'),
  env_file: z.string().min(1).optional().describe('Env file in the service’s folder; default .env.local'),
});

const serviceSchema = z.strictObject({
  repo: name,
  dir: z.string().optional().describe('Folder of the repo the service lives in'),
  image: z.string().min(1).optional(),
  build: z
    .union([
      z.string().min(1),
      z.strictObject({
        context: z.string().optional(),
        dockerfile: z.string().optional(),
        target: z.string().optional(),
        args: z.record(z.string(), z.string()).optional(),
      }),
    ])
    .optional()
    .describe('Folder with a Dockerfile, relative to the service’s folder'),
  command: command.optional(),
  working_dir: z
    .string()
    .startsWith('/')
    .optional()
    .describe('Where the repo is mounted in the container; default /app'),
  runtime: runtime.optional(),
  ports: z.record(name, portSchema).optional(),
  env: z
    .record(
      z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'not a variable name'),
      z.union([z.string(), z.number(), z.boolean()]),
    )
    .optional(),
  volumes: z.record(name, z.string().startsWith('/', 'an absolute path in the container')).optional(),
  depends_on: z.array(name).optional(),
  ready: readySchema.optional(),
});

const sharedServiceSchema = z.strictObject({
  image: z.string().min(1).optional(),
  port: port.optional(),
  user: z.string().min(1).optional(),
  password: z.string().min(1).optional(),
  database: z.string().min(1).optional(),
});

/** The schema of `stack.yml`: validation, type and the JSON Schema for editors are all made from it. */
export const stackSchema = z.strictObject({
  name,
  runtime: runtime.optional().describe('docker where an engine answers, else process'),
  branch: z.string().min(1).optional().describe('Pattern of new branches; ${ticket} is the name as typed'),
  worktrees: z.string().min(1).optional().describe('Folder for the tickets’ worktrees; default tickets/'),
  shared: z
    .object({ compose: z.string().min(1).optional() })
    .catchall(sharedServiceSchema)
    .optional(),
  repos: z.record(name, repoSchema),
  services: z.record(name, serviceSchema),
});

export type StackFile = z.infer<typeof stackSchema>;
export type RepoConfig = z.infer<typeof repoSchema>;
export type ServiceConfig = z.infer<typeof serviceSchema>;
export type PortConfig = z.infer<typeof portSchema>;
export type SharedServiceConfig = z.infer<typeof sharedServiceSchema>;
