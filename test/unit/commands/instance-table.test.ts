import { describe, expect, it } from 'vitest';
import { renderInstances } from '../../../src/commands/common/instance-table.ts';
import type { InstancesView, RepoView } from '../../../src/domain/view.ts';

const LONG = 'feature/checkout-with-a-very-long-name-indeed/part-2';

function makeView(tickets: number, { base = LONG, titles = ['Front', 'API', 'Worker'] } = {}): InstancesView {
  const repo = (port: number): RepoView => ({
    ...{ mode: 'dedicated', url: `http://localhost:${port}`, status: 'running', worktree: '/w', branch: 'feat', base },
    existingBranch: false,
  });
  const instances = Array.from({ length: tickets }, (_, index) => ({
    ...{ ticket: `feat-${index}`, status: 'running' as const, createdAt: '', folder: '/t', problems: [], services: {} },
    repos: Object.fromEntries(titles.map((title, at) => [title, repo(43_000 + 10 * at + index)])),
  }));
  return { repos: titles.map((title) => ({ name: title, title, shared: false })), instances };
}

async function render(view: InstancesView, columns?: number): Promise<string[]> {
  return (await renderInstances(view, { color: false, columns })).split('\n');
}

describe('the table of tickets', () => {
  it('is whole where there is no terminal, or room for all', async () => {
    const whole = await render(makeView(2));
    expect(whole[1]).toContain(`http://localhost:43000 [${LONG}]  http://localhost:43010 [${LONG}]`);
    expect(await render(makeView(2), Math.max(...whole.map((line) => line.length)))).toEqual(whole);
  });

  it('has ports for addresses where it must be narrower', async () => {
    const lines = await render(makeView(2, { base: 'main' }), 80);
    expect(lines[1]).toMatch(/^feat-0 {2}:43000 \[main\] {2}:43010 \[main\] {2}:43020 \[main\] {2}running$/);
  });

  it('has a row a ticket at 80 columns, with three repos, twelve tickets and long branches', async () => {
    const lines = await render(makeView(12), 80);
    expect(lines).toHaveLength(13);
    for (const line of lines.slice(1)) expect(line).toMatch(/^feat-\d+ {2,3}(:43\d{3} \[fe\S*…\S*-2\] {2}){3}running$/);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('has a block a ticket where no row fits', async () => {
    expect((await render(makeView(2), 48)).slice(0, 4)).toEqual([
      'feat-0  running',
      expect.stringMatching(/^ {2}Front {3}http:\/\/localhost:43000 \[feat\S*…\S*\]$/),
      expect.stringMatching(/^ {2}API {5}http:\/\/localhost:43010 \[feat\S*…\S*\]$/),
      expect.stringMatching(/^ {2}Worker {2}http:\/\/localhost:43020 \[feat\S*…\S*\]$/),
    ]);
  });

  it('has ports for addresses in such a block where the branch had no room else', async () => {
    const lines = await render(makeView(2), 40);
    expect(lines[1]).toMatch(/^ {2}Front {3}:43000 \[feat\S*…\S*\]$/);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(40);
  });

  it('has whole addresses of a ticket alone', async () => {
    expect((await render(makeView(1), 80))[1]).toMatch(
      /^ {2}Front {3}http:\/\/localhost:43000 \[feature\S*…\S*part-2\]$/,
    );
  });
});
