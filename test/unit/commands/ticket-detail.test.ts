import { describe, expect, it } from 'vitest';
import { renderDetail } from '../../../src/commands/common/ticket-detail.ts';
import type { TicketDetail } from '../../../src/orchestrator/status/detail.ts';

const FOLDER = '/home/ada/work/shop/tickets/feat-02';

function makeDetail(base: string): TicketDetail {
  const worktree = (repo: string) => ({
    ...{
      mode: 'dedicated' as const,
      url: 'http://localhost:3101',
      status: 'running' as const,
      branch: 'feat-02',
      base,
    },
    ...{ existingBranch: false, worktree: `${FOLDER}/${repo}` },
  });
  return {
    ...{ ticket: 'feat-02', root: '/home/ada/work/shop', stack: 'shop', repo: null, service: null, status: 'running' },
    ...{ folder: FOLDER, createdAt: '', task: null, issue: null, urls: {}, services: {}, shared: {}, problems: [] },
    files: {},
    repos: { storefront: worktree('storefront'), api: worktree('api') },
  };
}

const render = (base: string, columns?: number): string[] =>
  renderDetail(makeDetail(base), { color: false, columns }).split('\n');

describe('all of one ticket', () => {
  it('has whole paths and bases where they fit', () => {
    const line = `storefront  feat-02  main  ${FOLDER}/storefront`;
    expect(render('main')).toContain(line);
    expect(render('main', line.length)).toContain(line);
  });

  it('fits a narrower terminal: paths from the ticket’s folder, long bases with … in their middle', () => {
    const lines = render('feature/a-very-long-branch-for-the-redesign-of-the-checkout', 80);
    expect(lines).toContain(FOLDER);
    expect(lines.find((line) => line.startsWith('storefront'))).toMatch(
      /^storefront {2}feat-02 {2}feature\/\S+…\S+checkout {2}\.\/storefront$/,
    );
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  });
});
