import { describe, expect, it } from 'vitest';
import { createStyle } from '../../../src/ui/style.ts';
import { renderTable } from '../../../src/ui/table.ts';

const head = ['Ticket', 'Front-end', 'API', 'Status'];
const rows = [
  ['feat-01', 'http://localhost:3001 [main]', 'shared', 'running'],
  ['feat-02', 'http://localhost:3002 [feat/ui]', 'http://localhost:4001 [feat/endpoint]', 'running'],
];

describe('renderTable', () => {
  it('has no lines, two spaces between columns, titles in capitals', () => {
    expect(renderTable(head, rows, { color: false })).toBe(
      [
        'TICKET   FRONT-END                        API                                    STATUS',
        'feat-01  http://localhost:3001 [main]     shared                                 running',
        'feat-02  http://localhost:3002 [feat/ui]  http://localhost:4001 [feat/endpoint]  running',
      ].join('\n'),
    );
  });

  it('wraps at spaces where the terminal is narrow, and keeps addresses whole', () => {
    expect(renderTable(head, rows, { color: false, columns: 62 })).toBe(
      [
        'TICKET   FRONT-END              API                    STATUS',
        'feat-01  http://localhost:3001  shared                 running',
        '         [main]',
        'feat-02  http://localhost:3002  http://localhost:4001  running',
        '         [feat/ui]              [feat/endpoint]',
      ].join('\n'),
    );
  });

  it('does not touch what fits', () => {
    expect(renderTable(head, rows, { color: false, columns: 90 })).toBe(renderTable(head, rows, { color: false }));
  });

  it('cuts names where a row would be broken otherwise, in every column alike', () => {
    const names = ['a-very-long-name-of-a-ticket', 'another-very-long-name-of-a-ticket', 'waiting'];
    const table = renderTable(['One', 'Two', 'State'], [names], { color: false, columns: 40, cut: true });
    expect(table.split('\n').every((line) => line.length <= 40)).toBe(true);
    expect(table).toMatch(/^a-ver\S*…\S*icket {2}another?\S*…\S*icket {2}waiting$/m);
    const fits = [['feat-01', 'feat-02', 'waiting']];
    expect(renderTable(['One', 'Two', 'State'], fits, { color: false, columns: 40, cut: true })).toContain(
      'feat-01  feat-02  waiting',
    );
  });

  it('lets a table overflow rather than break a word', () => {
    expect(renderTable(['url'], [['http://localhost:3001']], { color: false, columns: 5 })).toBe(
      'URL\nhttp://localhost:3001',
    );
  });

  it('prints the titles alone when there are no rows', () => {
    expect(renderTable(['a', 'b'], [], { color: false })).toBe('A  B');
  });

  it('makes cells harmless before it paints them', () => {
    const { good } = createStyle(true);
    expect(renderTable(['a'], [[{ text: 'x\u001b[2J\ny', paint: good }]], { color: true })).toBe(
      '\u001b[2mA\u001b[22m\n\u001b[32mx y\u001b[39m',
    );
  });

  it('counts wide characters twice', () => {
    expect(renderTable(['n', 'm'], [['数据', 'x']], { color: false })).toBe('N     M\n数据  x');
  });
});
