import { createHash } from 'node:crypto';
import { foldTicket } from './ticket.ts';

/** What every container, volume and network of ours carries. Owned by this file; nobody else spells a label. */
export const LABELS = {
  root: 'dev.stack.root',
  rootPath: 'dev.stack.root-path',
  stack: 'dev.stack.stack',
  ticket: 'dev.stack.ticket',
  service: 'dev.stack.service',
  repo: 'dev.stack.repo',
  worktree: 'dev.stack.worktree',
  ports: 'dev.stack.ports',
  hash: 'dev.stack.hash',
  build: 'dev.stack.build',
} as const;

/** First 12 hex digits of the SHA-256 of a text. */
export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

/** Returns the 8 hex digits that keep this root's things apart from every other root's. `root` is a real path. */
export function rootIdOf(root: string): string {
  return shortHash(root).slice(0, 8);
}

/**
 * What processes of a ticket's agents carry, `NAME#1` those of its first run: `isMarked` knows them all by this. The name of the stack may
 * change while they run.
 */
export function agentsMarker(rootId: string, ticket: string): string {
  return `stack-${rootId}-${ticket}-agents`;
}

/** Where worktrees go before they are deleted, when the tickets' folders are on another disk than `.stack/trash`. */
export const NEAR_TRASH = '.stack-trash';

/** The network of a stack. */
export function networkName(stack: string, rootId: string): string {
  return `stack-${stack}-${rootId}`;
}

/** The compose project that holds the shared services. */
export function sharedProject(stack: string, rootId: string): string {
  return `stack-${stack}-shared-${rootId}`;
}

/** The compose project that groups one instance's containers in Docker Desktop and `docker compose ls`. */
export function instanceProject(stack: string, instance: string): string {
  return `stack-${stack}-${instance}`;
}

/** The container of one service of one instance. */
export function workloadName(stack: string, rootId: string, instance: string, service: string): string {
  return `stack-${stack}-${rootId}-${instance}-${service}`;
}

/** True for a workload's name that is no other root's and no other ticket's, whatever the stack was called then. */
export function isWorkloadOf(name: string, of: { rootId: string; instance: string; service: string }): boolean {
  return name.startsWith('stack-') && name.endsWith(`-${of.rootId}-${of.instance}-${of.service}`);
}

/** A volume of one service of one instance. */
export function volumeName(stack: string, rootId: string, instance: string, service: string, volume: string): string {
  return `${workloadName(stack, rootId, instance, service)}-${volume}`;
}

/** The tag of an image built for one service of one instance. */
export function builtImageName(stack: string, rootId: string, instance: string, service: string): string {
  return `stack-${stack}-${rootId}/${foldTicket(instance)}.${service}:latest`;
}

/** Returns whether a tag is that of an image built for a service of this root, whatever the stack is called now. */
export function isBuiltImage(tag: string, rootId: string): boolean {
  return tag.startsWith('stack-') && tag.includes(`-${rootId}/`);
}

/**
 * A service's name in the stack's network. The dot keeps service and instance apart: neither may contain one, so
 * no two instances ever share an alias (Docker's DNS would answer with both).
 */
export function networkAlias(service: string, instance: string): string {
  return `${service}.${foldTicket(instance)}`;
}
