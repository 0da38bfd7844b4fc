import { listMembers } from './group.ts';
import { type Listener, listListeners } from './ports.ts';
import type { ProcessRecord } from './record.ts';
import { findMarked } from './table.ts';

/**
 * Says why a workload is not ready, from what the system shows: it has put itself into the background, was not found,
 * listens on another port, on `::1` alone, or on none. Undefined when there is nothing to say. Throws `unseen`.
 */
export async function explainProcess(record: ProcessRecord, exitCode: number | undefined): Promise<string | undefined> {
  const members = await listMembers(record);
  const escaped = (await findMarked(record.name)).filter((pid) => !members.includes(pid));
  if (members.length === 0) return explainEnd(exitCode, escaped);
  return explainPorts(record, await listListeners([...members, ...escaped]));
}

function explainEnd(exitCode: number | undefined, escaped: readonly number[]): string | undefined {
  if (escaped.length > 0) {
    return `the command has ended but left a process in the background (pid ${escaped.join(', ')}): run it in the foreground`;
  }
  if (exitCode === 127) return 'the shell did not find the command (exit code 127)';
  if (exitCode === 126) return 'the command is not executable (exit code 126)';
  return undefined;
}

function explainPorts(record: ProcessRecord, listeners: readonly Listener[]): string | undefined {
  const wanted = record.ports.map(({ host }) => host);
  if (wanted.length === 0) return undefined;
  const right = listeners.filter(({ port }) => wanted.includes(port));
  if (right.length === 0) {
    if (listeners.length === 0) return `it listens on no port; it was given ${wanted.join(', ')}`;
    return `it listens on ${listeners.map(({ port }) => port).join(', ')}, but was given ${wanted.join(', ')}: does its command read its port from the env?`;
  }
  const narrow = right.find(({ onlyIpv6Loopback }) => onlyIpv6Loopback);
  return narrow && `it listens on [::1]:${narrow.port} only; let it listen on 127.0.0.1 or on all addresses`;
}
