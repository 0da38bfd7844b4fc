import { isSeen } from '../../domain/standing.ts';
import type { Stack } from '../core/stack.ts';
import { destroyTickets, previewDestroy } from '../lifecycle/destroy.ts';
import { readStandings } from '../review/standing.ts';
import { observeRuns } from '../runs/observe.ts';

/**
 * Destroys a ticket that was made for one agent: in which nothing was changed, or of which the person says so; what is in it is saved
 * then. Returns why it stays, a line a reason, or whether work was saved. Throws what `destroyTickets` throws.
 */
export async function takeAway(
  stack: Stack,
  ticket: string,
  ask: (question: string) => Promise<boolean>,
): Promise<{ stays: string[] } | { saved: boolean }> {
  const living = (await observeRuns(stack, ticket)).find(({ view }) => view.state !== 'exited');
  if (living) return { stays: [`${living.run.name} (run ${living.run.id}) is there`] };
  const work = await findWork(stack, ticket);
  if (work.length > 0 && !(await ask(`${work.join('; ')}. Destroy ${ticket}, with its work saved?`)))
    return { stays: work };
  const force = work.length > 0;
  await destroyTickets(
    stack,
    [ticket],
    { force, abandon: force, keepBranch: false, noDump: false },
    async () => undefined,
  );
  return { saved: force };
}

/** What somebody has done there: commits, pushed ones too, and all that a destroy would refuse for. */
async function findWork(stack: Stack, ticket: string): Promise<string[]> {
  const how = { force: false, keepBranch: false, noDump: false };
  const [{ risks }, standings] = [await previewDestroy(stack, [ticket], how), await readStandings(stack, [ticket])];
  const said = risks.flatMap(({ repo = 'beside the worktrees', findings }) =>
    findings.map(({ text }) => `${repo}: ${text}`),
  );
  const repos = standings.flatMap((standing) => Object.entries(standing.repos));
  const commits = repos.flatMap(([repo, one]) => {
    if (!isSeen(one)) return [`${repo}: ${one.problem}`];
    return one.ahead > 0 ? [`${repo}: ${one.ahead} ${one.ahead === 1 ? 'commit' : 'commits'} of its own`] : [];
  });
  return said.length > 0 ? said : commits;
}
