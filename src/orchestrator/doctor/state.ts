import { isThere } from '../../adapters/files/files.ts';
import { findSharedFaults } from '../../adapters/git/shared-state.ts';
import { inspectWorktree } from '../../adapters/git/worktree/worktree.ts';
import { type StateTrouble, troubleOf } from '../../adapters/state/file.ts';
import { type DedicatedRepo, dedicatedRepos, type InstanceRecord, type StackState } from '../../domain/instance.ts';
import { isLeftVerification, isOwnerAlive } from '../core/claim.ts';
import { listCutOff, settleChange } from '../core/journal.ts';
import { forgetRecreate, listCutRecreates } from '../core/recreating.ts';
import type { Stack } from '../core/stack.ts';
import { listLostDatabases } from '../data/kinds.ts';
import { destroyTickets } from '../lifecycle/destroy.ts';
import { examineOwned } from './derive-own.ts';
import { collectEvidence } from './evidence.ts';
import { count, type Finding, offer, report } from './finding.ts';
import { examineLeases } from './leases.ts';
import { examineLitter } from './litter.ts';
import { examineOrphans } from './orphans.ts';
import { examinePushes } from './pushes.ts';
import { type Rebuilt, rebuildState } from './rebuild.ts';
import { examineReviews } from './reviews.ts';

/** Checks the state file, and what it tells of against what there is. Changes nothing. */
export async function examineState(stack: Stack): Promise<Finding[]> {
  let state: StackState | undefined;
  let trouble: StateTrouble['trouble'] | undefined;
  const file = await report('state', async () => {
    try {
      state = await stack.store.read();
      return count(Object.keys(state.instances), 'ticket');
    } catch (error) {
      trouble = troubleOf(error);
      throw error;
    }
  });
  if (!state) return [trouble === 'gone' || trouble === 'damaged' ? await offerRebuild(stack, file) : file];
  const evidence = await collectEvidence(stack);
  const known = await stack.store.read();
  // What was recorded before or after we looked is nobody's orphan: it may be in the making, or on its way out.
  const ever = {
    ...known,
    instances: { ...state.instances, ...known.instances },
    baseline: known.baseline ?? state.baseline,
  };
  const tickets = await Promise.all(Object.values(known.instances).map((record) => examineInstance(stack, record)));
  const lost = await listLostDatabases(stack, known);
  return [
    file,
    ...tickets.flat(),
    ...(await examinePushes(known)),
    ...(await examineChanges(stack)),
    ...(await examineRecreates(stack, known)),
    ...lost.map(([ticket, database]) => ({
      ...{ subject: ticket, ok: false, text: `its database ${database} is gone` },
      hint: `\`stack start ${ticket}\` makes it again, as the baseline’s is now`,
    })),
    ...(await examineOwned(stack, known)),
    ...(await examineLeases(stack, known)),
    ...(await examineOrphans(stack, ever, evidence)),
    ...(await examineLitter(stack, evidence)),
    ...(await examineReviews(stack, evidence)),
  ];
}

/** A change of several repos that was cut off is settled by the next command that changes its ticket, or here. */
async function examineChanges(stack: Stack): Promise<Finding[]> {
  return (await listCutOff(stack)).map(({ ticket, verb, repos }) => {
    const text = `\`stack ${verb}\` in ${repos.join(', ')} was cut off`;
    return offer(
      ticket,
      text,
      `Finish \`stack ${verb}\` of ${ticket} where all of it was done, else take it back?`,
      async () => {
        const outcome = await settleChange(stack, ticket);
        return outcome ?? 'nothing was left of it';
      },
    );
  });
}

/** Only the next `recreate` makes what was to be made; a person may also not want it any more. */
async function examineRecreates(stack: Stack, state: StackState): Promise<Finding[]> {
  return (await listCutRecreates(state)).map(([ticket]) => {
    const found = offer(
      ticket,
      'a recreate of it was cut off',
      `Forget that ${ticket} was to be made again? What was saved of it stays.`,
      async () => {
        await forgetRecreate(stack, ticket);
        return 'nothing is to be made again';
      },
    );
    return { ...found, hint: `\`stack recreate ${ticket}\` goes on; \`stack doctor --fix\` asks whether to forget it` };
  });
}

async function offerRebuild(stack: Stack, finding: Finding): Promise<Finding> {
  const evidence = await collectEvidence(stack);
  // What cannot be looked at may hold tickets, which a state made without them would never tell of.
  if (!evidence.backup && evidence.unseen.length > 0) {
    return {
      ...finding,
      hint: `look at ${evidence.unseen.join(', ')} first: tickets may be in there; then \`stack doctor --fix\``,
    };
  }
  const rebuilt = await rebuildState(stack, evidence);
  const question = `Rebuild the state${describeSources(rebuilt)}?`;
  const offered = offer(finding.subject, finding.text, question, async () => {
    const aside = await stack.store.rebuild(rebuilt.known);
    const damaged = aside === undefined ? '' : `; the damaged file is ${aside}`;
    return `the state is back${describeSources(rebuilt)}${damaged}`;
  });
  return { ...offered, hint: '`stack doctor --fix` brings it back' };
}

const WORDS = {
  backup: 'from its backup',
  git: 'from what git keeps beside the worktrees',
  worktrees: 'from the worktrees alone, so that their branches stay when it goes',
};

/** Returns `: feat-01 and feat-02 from its backup, feat-03 from …`. */
function describeSources({ sources, known }: Rebuilt): string {
  const groups = Object.entries(WORDS).flatMap(([source, words]) => {
    const tickets = [...sources].flatMap(([ticket, from]) => (from === source ? [ticket] : []));
    return tickets.length > 0 ? [`${tickets.join(', ')} ${words}`] : [];
  });
  if (groups.length > 0) return `: ${groups.join('; ')}`;
  return known.baseline
    ? ', with the baseline alone: there is nothing of any ticket'
    : ', empty: there is nothing of any ticket';
}

async function examineInstance(stack: Stack, record: InstanceRecord): Promise<Finding[]> {
  const { ticket } = record;
  if (await isLeftVerification(stack, record)) return [describeVerification(stack, record)];
  if (await isOwnerAlive(record)) {
    return [
      { subject: ticket, ok: true, text: `\`${record.owner?.command}\` (pid ${record.owner?.pid}) is at work on it` },
    ];
  }
  if (record.phase !== 'ready') {
    // Its owner may have finished it since the record was read, and ended.
    const now = (await stack.store.read()).instances[ticket];
    return now && now.phase === record.phase ? [describeUnfinished(stack, record)] : [];
  }
  const worktrees = await Promise.all(dedicatedRepos(record).map(([repo, own]) => examineWorktree(ticket, repo, own)));
  const problems = worktrees.flat();
  const rest = record.paused ? `; it is paused; \`stack resume ${ticket}\` starts it` : '';
  return problems.length > 0 ? problems : [{ subject: ticket, ok: true, text: `worktrees are as recorded${rest}` }];
}

function describeVerification(stack: Stack, { ticket, verifies }: InstanceRecord): Finding {
  const text = `left by a verification of ${verifies} that was cut off`;
  const finding = offer(ticket, text, `Remove ${ticket}, which a verification of ${verifies} left?`, async () => {
    await destroyTickets(stack, [ticket], { force: true, keepBranch: false }, async () => undefined);
    return 'it is gone';
  });
  return { ...finding, hint: `\`stack destroy ${ticket}\` or \`stack doctor --fix\` clears it` };
}

function describeUnfinished(stack: Stack, { ticket, phase }: InstanceRecord): Finding {
  const verb = phase === 'creating' ? 'create' : 'destroy';
  const question = `Remove what a ${verb} of ${ticket} that did not finish left?`;
  const finding = offer(ticket, `a ${verb} did not finish`, question, async () => {
    // Nobody has worked in what was never made whole; should it hold a person's files all the same, they are saved.
    const how = { force: phase === 'creating', keepBranch: false, unfinished: true };
    const { destroyed } = await destroyTickets(stack, [ticket], how, async () => undefined);
    const saved = destroyed
      .flatMap(({ rescued }) => rescued)
      .map(({ repo, ref }) => `; what was in ${repo} is saved under ${ref}`);
    return `what was left of it is gone${saved.join('')}`;
  });
  return { ...finding, hint: `\`stack destroy ${ticket}\` or \`stack doctor --fix\` clears it` };
}

async function examineWorktree(ticket: string, repo: string, own: DedicatedRepo): Promise<Finding[]> {
  const { path: repoPath, worktree, branch } = own;
  if (!(await isThere(repoPath))) {
    const text = `the main checkout of ${repo} is gone from ${repoPath}`;
    return [{ subject: ticket, ok: false, text, hint: 'put it back' }];
  }
  const faults = await findSharedFaults(own);
  if (faults.length > 0) {
    return faults.map(({ text, cure, broken }) => ({
      subject: ticket,
      ok: !broken,
      text: `${repo}: ${text}`,
      hint: cure,
    }));
  }
  const found = await inspectWorktree({ repoPath, path: worktree, branch });
  if (found.state === 'present') return [];
  const hint = found.state === 'absent' ? `\`stack start ${ticket}\` makes it again` : 'fine if you meant it';
  const text = `${repo}: ${found.reason ?? 'the worktree is gone'}`;
  return [{ subject: ticket, ok: found.state === 'different', text, hint }];
}
