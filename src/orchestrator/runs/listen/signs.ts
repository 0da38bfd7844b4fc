import { open } from 'node:fs/promises';
import { ifThere } from '../../../adapters/files/file-errors.ts';
import { ifAnswered } from '../../../domain/errors.ts';
import { readAgentEvent, readAgentOutput } from '../../../domain/runs/agent-event.ts';
import type { AgentNews, AgentPreset } from '../../../domain/runs/preset.ts';
import type { RunRecord } from '../../../domain/runs/run.ts';
import { parseEvents, readOwnEvent, type Sign } from '../../../domain/runs/state.ts';
import type { Stack } from '../../core/stack.ts';
import { loadAgentPreset } from '../preset.ts';
import { filesOf } from '../record.ts';

/** Of what was told and printed the last tells. */
const MOST_BYTES = 1_000_000;

/** Something that was heard of a run. */
type Heard = Sign & AgentNews;

/** What was heard of a run, and what it has printed by itself of its session and cost, where that says so. */
export interface Hearsay {
  signs: Heard[];
  printed: AgentNews[];
}

/** Returns what an agent has said of itself, and its hooks and its output, as far as its preset knows them. Throws `files`. */
export async function readHearsay(stack: Stack, run: RunRecord): Promise<Hearsay> {
  const { events: file, turned, log } = filesOf(stack, run);
  const told = await readTail(file, MOST_BYTES);
  const before = await readTail(turned, MOST_BYTES - told.length);
  const events = parseEvents(before + told);
  const isRead = run.place === 'background' || events.some((event) => !readOwnEvent(event));
  const preset = run.preset !== undefined && isRead ? await ifAnswered(loadAgentPreset(run.preset, stack)) : undefined;
  const signs = events.flatMap((event): Heard[] => {
    const at = event.at * 1000;
    const own = readOwnEvent(event);
    if (own) return [{ ...own, at }];
    const news = preset && readAgentEvent(preset, event);
    return news ? [{ ...news, at, source: 'hook' }] : [];
  });
  return { signs, printed: run.place === 'background' && preset?.output ? await readPrinted(preset, log) : [] };
}

async function readPrinted(preset: AgentPreset, log: string): Promise<AgentNews[]> {
  const lines = (await readTail(log, MOST_BYTES)).split('\n');
  return lines.flatMap((line) => readAgentOutput(preset, line) ?? []);
}

/** An agent that runs for days has many of them. */
async function readTail(file: string, most: number): Promise<string> {
  const handle = await ifThere(open(file));
  if (!handle) return '';
  try {
    const { size } = await handle.stat();
    const start = Math.max(0, size - most);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - start), 0, size - start, start);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}
