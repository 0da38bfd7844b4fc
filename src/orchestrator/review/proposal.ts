import { existsSync } from 'node:fs';
import { findWebHost, forgeKindOf, openForge } from '../../adapters/forge/forge.ts';
import { findPushPlace } from '../../adapters/git/change/push.ts';
import { findRemoteUrl, findRequestBase, type RequestBase } from '../../adapters/git/change/request-base.ts';
import { listRemotes } from '../../adapters/git/remote.ts';
import { type Forge, type ForgeKind, type ForgePlace, parseRemoteUrl } from '../../domain/forge.ts';
import type { DedicatedRepo } from '../../domain/instance.ts';
import type { Stack } from '../core/stack.ts';

/** Where the work of a repo is to be merged. */
export interface ProposedBase {
  /** The worktree, or where that is gone the main checkout. */
  folder: string;
  base: RequestBase;
  /** The remote that the branch is pushed to. */
  remote: string;
}

/** The forge that such work is proposed at. */
export interface ProposalForge {
  kind: ForgeKind;
  /** The repo that has the base. */
  to: ForgePlace;
  /** Undefined where its program is not installed. */
  forge: Forge | undefined;
}

/** Why a repo's work can be proposed nowhere, in a line, and what helps. */
export interface Unproposable {
  reason: string;
  hint: string;
}

/** Returns where a repo's branch is to be merged: into its own base, else into the one that stack.yml names. Throws `usage`, `git`. */
export async function findProposedBase(
  { worktree, path, branch, ownsBranch, base: own }: DedicatedRepo,
  configured: string | undefined,
): Promise<ProposedBase | Unproposable> {
  const folder = existsSync(worktree) ? worktree : path;
  const place = await findPushPlace(folder, branch);
  if (!place) return { reason: 'it has no remote', hint: `\`git remote add origin URL\` in ${folder}` };
  const names = [ownsBranch ? own : undefined, configured];
  const base = await findRequestBase({ folder, names, remote: place.remote });
  if (!base) return { reason: 'it has no branch to be merged into', hint: 'set `base:` of the repo in stack.yml' };
  return { folder, base, remote: place.remote };
}

type Asking = Pick<Stack, 'env' | 'signal'>;

/** Returns the forge that has the issues of a repo: where its base is. `folder` is its main checkout. Throws `git`. */
export async function findTracker(
  asking: Asking,
  folder: string,
  configured: string | undefined,
): Promise<ProposalForge | Unproposable> {
  const [remote] = await listRemotes(folder);
  const base = remote && (await findRequestBase({ folder, names: [configured], remote }));
  if (!base) return { reason: `${folder} has no remote`, hint: '`--issue URL` names the page of the issue' };
  return findForge(asking, { folder, base, remote: base.remote });
}

/** Returns the forge that keeps the base's repo. Throws `git`. */
export async function findForge(
  asking: Asking,
  { folder, base, remote }: ProposedBase,
): Promise<ProposalForge | Unproposable> {
  const [from, to] = await Promise.all([remote, base.remote].map((name) => findPlace(folder, name, asking)));
  if (!from || !to) {
    const hint = `\`git remote -v\` in ${folder} shows it`;
    return { reason: `the address of its remote ${remote} is no forge’s`, hint };
  }
  return openPlace(asking, to, from);
}

/** Returns the forge that keeps a repo, for requests from another one too. */
export async function openPlace(
  { env, signal }: Asking,
  to: ForgePlace,
  from: ForgePlace = to,
): Promise<ProposalForge | Unproposable> {
  const kind = forgeKindOf(to.host, env);
  if (!kind) {
    const hint = `GH_HOST=${to.host} or GITLAB_HOST=${to.host} says which`;
    return { reason: `what kind of forge ${to.host} is nobody says`, hint };
  }
  return { kind, to, forge: await openForge(kind, { from, to }, { env, signal }) };
}

async function findPlace(folder: string, remote: string, { env, signal }: Asking): Promise<ForgePlace | undefined> {
  const url = await findRemoteUrl(folder, remote);
  const place = url === undefined ? undefined : parseRemoteUrl(url);
  if (!place) return undefined;
  return { path: place.path, host: place.bySsh ? await findWebHost(place.host, env, signal) : place.host };
}
