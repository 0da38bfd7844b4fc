import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readAgentEvent, readAgentOutput, readAgentScreen, tellsEndsAlone } from '../../src/domain/runs/agent-event.ts';
import type { AgentNews, AgentPreset } from '../../src/domain/runs/preset.ts';
import { loadAgentPreset } from '../../src/orchestrator/runs/preset.ts';

const packageRoot = path.resolve(import.meta.dirname, '../..');
const load = (name: string): Promise<AgentPreset> => loadAgentPreset(name, { packageRoot, env: { HOME: '/nowhere' } });

async function read(agent: string, name: string, payload: unknown): Promise<AgentNews | undefined> {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return readAgentEvent(await load(agent), { name, at: 1, payload: text });
}

// As the real programs sent them (docs/agents.md says which versions), paths shortened.
const base = { session_id: '5611eec6-d6ae', transcript_path: '/h/.claude/x.jsonl', cwd: '/w/tickets/feat-01' };
const stop = {
  ...base,
  ...{ prompt_id: '7e9d', permission_mode: 'default', effort: { level: 'high' }, hook_event_name: 'Stop' },
  ...{ stop_hook_active: false, last_assistant_message: 'The work is done.', background_tasks: [], session_crons: [] },
};

describe('the events of claude', () => {
  it('tell starting, working and done', async () => {
    const started = await read('claude', 'SessionStart', { ...base, source: 'startup' });
    expect(started).toEqual({ state: 'starting', session: '5611eec6-d6ae' });
    expect((await read('claude', 'UserPromptSubmit', { ...base, prompt: 'x' }))?.state).toBe('working');
    expect(await read('claude', 'Stop', stop)).toEqual({
      ...{ state: 'done', text: 'The work is done.', session: '5611eec6-d6ae', background: 0 },
    });
  });

  it('tell no end while something runs in the background', async () => {
    const tasks = [{ id: 'b1', type: 'shell', status: 'running', command: 'npm test' }];
    expect(await read('claude', 'Stop', { ...stop, background_tasks: tasks })).toMatchObject({
      ...{ state: 'working', background: 1 },
    });
  });

  it('tell no end where what still runs may be cut off', async () => {
    const cut = JSON.stringify({ ...stop, last_assistant_message: 'x'.repeat(70_000) }).slice(0, 65_536);
    expect(await read('claude', 'Stop', cut)).toEqual({ state: 'working', session: '5611eec6-d6ae' });
  });

  it('tell nothing of a subagent', async () => {
    expect(await read('claude', 'Stop', { ...stop, agent_id: 'a7' })).toBeUndefined();
    expect(await read('claude', 'PostToolUse', { ...base, agent_id: 'a7', tool_name: 'Bash' })).toBeUndefined();
  });

  it('tell what is asked', async () => {
    const tool = { ...base, tool_name: 'Bash', tool_input: { command: 'rm -r build', description: 'Clean the build' } };
    expect(await read('claude', 'PermissionRequest', tool)).toMatchObject({
      state: 'waiting',
      text: 'Clean the build',
    });
    const note = { ...base, message: 'Needs your permission', notification_type: 'permission_prompt' };
    expect(await read('claude', 'Notification', note)).toMatchObject({
      state: 'waiting',
      text: 'Needs your permission',
    });
    expect(await read('claude', 'Notification', { ...note, notification_type: 'idle_prompt' })).toBeUndefined();
  });

  it('tell what a run without a terminal costs', async () => {
    const usage = {
      ...{ input_tokens: 7, cache_creation_input_tokens: 2, cache_read_input_tokens: 1, output_tokens: 3 },
    };
    const line = { type: 'result', subtype: 'success', result: 'Done.', session_id: 's', total_cost_usd: 0.5, usage };
    expect(readAgentOutput(await load('claude'), JSON.stringify(line))).toEqual({
      ...{ text: 'Done.', session: 's', cost: { of: 'run', usd: 0.5, input: 10, output: 3 } },
    });
  });
});

it('reads the events of codex', async () => {
  const turn = { type: 'agent-turn-complete', 'thread-id': '01a2', 'last-assistant-message': 'The work is done.' };
  expect(await read('codex', 'notify', turn)).toEqual({ state: 'done', text: 'The work is done.', session: '01a2' });
  const title = { ...turn, 'input-messages': ['Generate a concise, single-line task title of at most 36 characters'] };
  expect(await read('codex', 'notify', title)).toEqual({});
  const preset = await load('codex');
  expect(readAgentOutput(preset, '{"type":"thread.started","thread_id":"01a2"}')?.session).toBe('01a2');
  const usage = { input_tokens: 7, cached_input_tokens: 0, output_tokens: 3, reasoning_output_tokens: 0 };
  expect(readAgentOutput(preset, JSON.stringify({ type: 'turn.completed', usage }))).toEqual({
    ...{ state: 'done', cost: { of: 'turn', input: 7, output: 3 } },
  });
});

it('reads the events of gemini', async () => {
  const of = { session_id: '2c5f', cwd: '/w', timestamp: '2026-11-28T14:11:47Z' };
  expect((await read('gemini', 'BeforeAgent', { ...of, prompt: 'x' }))?.state).toBe('working');
  const end = { ...of, prompt: 'x', prompt_response: 'The work is done.', stop_hook_active: false };
  expect(await read('gemini', 'AfterAgent', end)).toEqual({
    state: 'done',
    text: 'The work is done.',
    session: '2c5f',
  });
  const asked = { ...of, notification_type: 'ToolPermission', message: 'Run npm test?' };
  expect(await read('gemini', 'Notification', asked)).toMatchObject({ state: 'waiting', text: 'Run npm test?' });
});

it('reads the events of opencode', async () => {
  const of = { sessionID: 'ses_1' };
  expect((await read('opencode', 'session.status', { ...of, status: { type: 'busy' } }))?.state).toBe('working');
  expect((await read('opencode', 'session.status', { ...of, status: { type: 'idle' } }))?.state).toBe('done');
  const tokens = { input: 7, output: 3, reasoning: 1, cache: { read: 2, write: 0 } };
  expect((await read('opencode', 'session.updated', { ...of, info: { cost: 0.1, tokens } }))?.cost).toEqual({
    ...{ of: 'run', usd: 0.1, input: 9, output: 4 },
  });
});

it('reads the events of copilot', async () => {
  const of = { sessionId: 'dafb', timestamp: 1795875152951, cwd: '/w' };
  expect((await read('copilot', 'userPromptSubmitted', { ...of, prompt: 'x' }))?.state).toBe('working');
  expect(await read('copilot', 'agentStop', { ...of, stopReason: 'end_turn' })).toEqual({
    state: 'done',
    session: 'dafb',
  });
  expect(await read('copilot', 'agentStop', { ...of, agentId: 'sub' })).toBeUndefined();
});

it('knows a trust prompt, and takes nothing else on a screen for waiting', async () => {
  const preset = await load('claude');
  expect(readAgentScreen(preset, 'Quick safety check:\n 1. Yes, I trust this folder')).toEqual({
    ...{ state: 'waiting', text: 'trust' },
  });
  expect(readAgentScreen(preset, '> ')).toBeUndefined();
  // Once it has begun, words about trust are its own.
  expect(readAgentScreen(preset, 'The page asks: Do you trust us?', true)).toBeUndefined();
});

it.each([
  ...[['codex', true] as const, ['aider', true] as const, ['claude', false] as const],
  ...[['gemini', false] as const, ['opencode', false] as const, ['shell', false] as const],
])('knows whether %s tells the end of a turn alone: %s', async (name, alone) => {
  expect(tellsEndsAlone(await load(name))).toBe(alone);
});

it('throws for no payload, and takes nothing from one that is not as it should be', async () => {
  const deep = `${'{"a":['.repeat(5000)}`;
  const payloads = [
    '',
    'null',
    '[]',
    '"x"',
    '1',
    '{',
    '{"',
    '{"__proto__":{"agent_id":1}}',
    deep,
    '\u0000',
    'x'.repeat(70_000),
  ];
  const fields = { session_id: '; rm -rf ~', last_assistant_message: { toString: 1 }, background_tasks: -1 };
  for (const payload of [...payloads, JSON.stringify(fields)]) {
    for (const name of ['Stop', 'Notification', 'constructor', '__proto__', 'NewEvent']) {
      const news = await read('claude', name, payload);
      expect(news?.session).toBeUndefined();
      expect(news?.text).toBeUndefined();
    }
  }
});
