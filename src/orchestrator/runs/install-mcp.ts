import { stat } from 'node:fs/promises';
import path from 'node:path';
import { ifThere } from '../../adapters/files/file-errors.ts';
import { makeFolder, readFileIfThere, replaceFile } from '../../adapters/files/files.ts';
import { refuseLink } from '../../adapters/files/own-folders.ts';
import { isFromGit } from '../../adapters/git/tracked.ts';
import { StackError } from '../../domain/errors.ts';
import type { InstanceRecord } from '../../domain/instance.ts';
import { addMcpEntry, byHand, type McpEntry, planMcpEntry } from '../../domain/runs/mcp-config.ts';
import type { AgentPreset } from '../../domain/runs/preset.ts';
import { requireInstance } from '../core/claim.ts';
import type { Stack } from '../core/stack.ts';
import { writeAgentFiles } from './agent-files.ts';
import { loadAgentPreset } from './preset.ts';

/** What tells an agent of `stack mcp`, and where that belongs. */
export interface Installed {
  agent: string;
  /** Absolute. */
  file: string;
  /** What it needs to hold. */
  text: string;
  /** False: it was only asked for. */
  written: boolean;
}

interface Wish {
  agent: string;
  ticket: string | undefined;
  write: boolean;
}

/**
 * Returns what tells an agent of this root, or of one ticket, and writes it into its file there if wished, beside what that holds.
 * Throws `not-found`, `config`, `usage` for an agent that takes none, `exists`, and `files` for a file that git keeps, a link, and
 * what cannot be added to.
 */
export async function installMcp(stack: Stack, { agent, ticket, write }: Wish): Promise<Installed> {
  const preset = await loadAgentPreset(agent, stack);
  const record = ticket === undefined ? undefined : requireInstance(await stack.store.read(), ticket);
  const entry = planMcpEntry(preset, ['mcp', ...(record ? ['--ticket', record.ticket] : [])]);
  const file = path.join(record?.folder ?? stack.root, entry.file);
  if (write) await writeEntry(stack, { entry, file, preset, record });
  return { agent: preset.name, file, text: entry.text, written: write };
}

interface Target {
  entry: McpEntry;
  file: string;
  preset: AgentPreset;
  record: InstanceRecord | undefined;
}

async function writeEntry(stack: Stack, { entry, file, preset, record }: Target): Promise<void> {
  await refuseLink(path.dirname(file));
  await refuseLink(file);
  const before = await readFileIfThere(file);
  if (before === undefined && record) {
    refuseBeforeHooks(preset, entry, record);
    return writeAgentFiles(stack, record, { files: [{ path: file, content: entry.text, mode: 0o600 }] });
  }
  const after = addMcpEntry(before ?? '', entry);
  if (after === before) return;
  if (await isFromGit(file)) throw new StackError('files', `git keeps ${file}`, byHand(entry));
  await makeFolder(path.dirname(file));
  const mode = (await ifThere(stat(file)))?.mode ?? 0o600;
  await replaceFile(file, after, { mode: mode & 0o777 });
}

/** A file that is there when an agent starts is left alone, and would have no hooks. */
function refuseBeforeHooks({ name, title, files }: AgentPreset, entry: McpEntry, { ticket }: InstanceRecord): void {
  if (!files?.some(({ path: place }) => place === `\${ticket}/${entry.file}`)) return;
  throw new StackError('usage', `${title} keeps its hooks in the same file, which is not there yet`, {
    hint: `start it first: \`stack run ${ticket} --agent ${name}\`; then this adds to the file`,
  });
}
