import stringWidth from 'string-width';
import { cutAtWord } from '../../domain/few.ts';
import { cutText, padText } from '../../ui/fit.ts';
import { cleanText } from '../../ui/safe-text.ts';
import { createStyle } from '../../ui/style.ts';
import { GAP } from '../../ui/table.ts';
import type { Row } from './instance-rows.ts';
import type { RenderOptions } from './verb.ts';

/** With less room beside the table, tasks are told below it. */
const LEAST = 20;
/** As long as a subject of a commit should be. */
const MOST = 60;

/**
 * Returns the table of tickets with the first words of their tasks: in a column where there is room, else in a line each. None has one:
 * the table as it is.
 */
export function addTasks(table: string, rows: readonly Row[], { color, columns }: RenderOptions): string {
  if (rows.every(({ task }) => task === undefined)) return table;
  const style = createStyle(color);
  const lines = table.split('\n');
  const width = Math.max(...lines.map((line) => stringWidth(line)));
  const room = Math.min(MOST, (columns ?? Number.POSITIVE_INFINITY) - width - GAP);
  if (room >= LEAST && lines.length === rows.length + 1) {
    const cells = [style.dim('TASK'), ...rows.map(({ task }) => cutWords(task ?? '', room))];
    return lines.map((line, index) => `${padText(line, width + GAP)}${cells[index]}`.trimEnd()).join('\n');
  }
  const told = rows.flatMap(({ ticket, task }) =>
    task === undefined
      ? []
      : [`${ticket}: ${cutWords(task, Math.max(LEAST, (columns ?? MOST) - stringWidth(ticket) - 2))}`],
  );
  return [...lines, ...told].join('\n');
}

function cutWords(text: string, columns: number): string {
  return cutText(cutAtWord(cleanText(text), columns), columns);
}
