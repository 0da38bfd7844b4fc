import { expect, it } from 'vitest';
import { planAgentCommand } from '../../../../src/domain/runs/agent-command.ts';
import { readAgentEvent, readAgentOutput, readAgentScreen } from '../../../../src/domain/runs/agent-event.ts';
import { hookOf, loadAgentPreset, requireInstalled } from '../../../../src/orchestrator/runs/preset.ts';

const places = {
  packageRoot: new URL('../../../..', import.meta.url).pathname,
  env: { ...process.env, XDG_CONFIG_HOME: '/nowhere' },
};

it('starts a shell', async () => {
  const preset = await loadAgentPreset('shell', places);
  await requireInstalled(preset, places);
  const situation = { folder: '/t', repos: [], runDir: '/r', headless: false, hook: hookOf(places) };
  expect(planAgentCommand(preset, situation).argv).toEqual(['sh', '-c', 'exec "${SHELL:-/bin/sh}"']);
  expect(readAgentEvent(preset, { name: 'Stop', at: 0, payload: '{' })).toBeUndefined();
  expect(readAgentOutput(preset, '{}')).toBeUndefined();
  expect(readAgentScreen(preset, '')).toBeUndefined();
});
