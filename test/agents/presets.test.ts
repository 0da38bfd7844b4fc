import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { planAgentCommand } from '../../src/domain/runs/agent-command.ts';
import { readAgentEvent, readAgentOutput } from '../../src/domain/runs/agent-event.ts';
import type { AgentNews, AgentPreset } from '../../src/domain/runs/preset.ts';
import { hookOf, loadAgentPreset } from '../../src/orchestrator/runs/preset.ts';
import { type ModelServer, startModel } from '../support/model-server.ts';

const packageRoot = path.resolve(import.meta.dirname, '../..');
const ANSWER = 'The work is done.';

/** How a program is pointed at a model on this machine, without an account. */
interface Agent {
  name: string;
  npm: string;
  env(url: string): Record<string, string>;
  /** Files below the home folder. */
  files?(url: string): Record<string, string>;
}

const AGENTS: Agent[] = [
  {
    name: 'claude',
    npm: '@anthropic-ai/claude-code',
    env: (url) => ({
      ANTHROPIC_BASE_URL: url,
      ANTHROPIC_API_KEY: 'none',
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    }),
  },
  {
    name: 'codex',
    npm: '@openai/codex',
    env: () => ({ OPENAI_API_KEY: 'none' }),
    files: (url) => ({
      '.codex/config.toml': `model = "m"\nmodel_provider = "local"\n[model_providers.local]\nname = "local"\nbase_url = "${url}/v1"\nwire_api = "responses"\nenv_key = "OPENAI_API_KEY"\n`,
    }),
  },
  {
    name: 'gemini',
    npm: '@google/gemini-cli',
    env: (url) => ({ GOOGLE_GEMINI_BASE_URL: url, GEMINI_API_KEY: 'none', GEMINI_MODEL: 'gemini-2.5-flash' }),
    files: () => ({ '.gemini/settings.json': '{"security":{"auth":{"selectedType":"gemini-api-key"}}}' }),
  },
  {
    name: 'opencode',
    npm: 'opencode-ai',
    env: () => ({ OPENCODE_DISABLE_MODELS_FETCH: '1', OPENCODE_DISABLE_AUTOUPDATE: '1' }),
    files: (url) => ({
      '.config/opencode/opencode.json': JSON.stringify({
        ...{ model: 'local/m', small_model: 'local/m' },
        provider: {
          local: {
            ...{ npm: '@ai-sdk/openai-compatible', name: 'Local', models: { m: { name: 'M' } } },
            options: { baseURL: `${url}/v1`, apiKey: 'none' },
          },
        },
      }),
    }),
  },
  {
    name: 'copilot',
    npm: '@github/copilot',
    env: (url) => ({
      ...{ COPILOT_OFFLINE: 'true', COPILOT_PROVIDER_BASE_URL: `${url}/v1`, COPILOT_PROVIDER_API_KEY: 'none' },
      COPILOT_MODEL: 'gpt-4.1',
    }),
  },
];

const scratch = mkdtempSync(path.join(tmpdir(), 'stack-agents-'));
/** Kept between runs: the programs are large. */
const cache = process.env.STACK_AGENTS ?? path.join(homedir(), '.cache/stack-agents');
let model: ModelServer;

beforeAll(async () => {
  model = await startModel(ANSWER);
});

afterAll(async () => {
  await model.stop();
  rmSync(scratch, { recursive: true, force: true });
});

async function install({ name, npm }: Agent): Promise<string> {
  const folder = path.join(cache, name);
  mkdirSync(folder, { recursive: true });
  await execa('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund', npm]);
  const { stdout } = await execa('npm', ['ls', '--prefix', folder, npm, '--depth=0']);
  process.stdout.write(`${stdout.split('\n')[1] ?? ''}\n`);
  return path.join(folder, 'node_modules/.bin');
}

function write(file: string, content: string, mode = 0o600): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
  chmodSync(file, mode);
}

async function makeTicket(folder: string): Promise<{ name: string; path: string }[]> {
  const repos = ['front', 'api'].map((name) => ({ name, path: path.join(folder, name) }));
  for (const repo of repos) await execa('git', ['init', '-q', repo.path]);
  return repos;
}

function readRun(preset: AgentPreset, runDir: string, stdout: string): { events: AgentNews[]; output: AgentNews[] } {
  const lines = readFileSync(path.join(runDir, 'events'), 'utf8').trimEnd().split('\n');
  const events = lines.flatMap((line) => {
    const [, at, name, payload] = /^(\d+) (\S+) (.*)$/.exec(line) ?? [];
    return readAgentEvent(preset, { name: name ?? '', at: Number(at), payload: payload ?? '' }) ?? [];
  });
  return { events, output: stdout.split('\n').flatMap((line) => readAgentOutput(preset, line) ?? []) };
}

it.each(AGENTS)('$name takes its command line, does a turn, and its hooks tell of it', async (agent) => {
  const bin = await install(agent);
  const [home, folder, runDir] = ['home', 'ticket', 'run'].map((name) => path.join(scratch, agent.name, name)) as [
    ...[string, string, string],
  ];
  for (const [file, text] of Object.entries(agent.files?.(model.url) ?? {})) write(path.join(home, file), text);
  mkdirSync(runDir, { recursive: true });
  const repos = await makeTicket(folder);
  const preset = await loadAgentPreset(agent.name, { packageRoot, env: { HOME: home } });
  const prompt = 'Say "hello"\nto $HOME';
  const where = { folder, repos, runDir, headless: true, hook: hookOf({ packageRoot }) };
  const plan = planAgentCommand(preset, { ...where, prompt });
  for (const file of plan.files) write(file.path, file.content, file.mode);

  const { stdout, stderr, exitCode } = await execa(path.join(bin, plan.argv[0] ?? ''), plan.argv.slice(1), {
    ...{ cwd: plan.cwd, extendEnv: false, reject: false, timeout: 240_000 },
    ...(plan.stdin ? { input: prompt } : { stdin: 'ignore' }),
    env: { PATH: process.env.PATH, HOME: home, ...agent.env(model.url), ...plan.env },
  });

  expect(exitCode, stderr).toBe(0);
  expect(model.asked.some((body) => body.includes(JSON.stringify(prompt).slice(1, -1)))).toBe(true);
  const { events, output } = readRun(preset, runDir, stdout);
  const known = [...events, ...output];
  expect(events.findLast((news) => news.state !== undefined)?.state).toBe('done');
  expect(known.some((news) => news.state === 'working')).toBe(true);
  expect(known.map((news) => news.text)).toContain(ANSWER);
  expect(known.some((news) => news.session !== undefined)).toBe(true);
});
