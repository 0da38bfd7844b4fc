import { Help } from 'commander';

/** Fewer columns than these hold no text. */
const LEAST = 24;
/** Columns before a flag or a verb, and between it and what it does. */
const AROUND = 4;
const INDENT = '      ';

/** How help looks: where a narrow terminal has no room beside a flag, what it does stands below it. */
export const NARROW_HELP = { minWidthToWrap: LEAST, formatItem };

function formatItem(term: string, termWidth: number, description: string, helper: Help): string {
  const width = helper.helpWidth ?? 80;
  if (!description || width - termWidth - AROUND >= LEAST)
    return Help.prototype.formatItem.call(helper, term, termWidth, description, helper);
  const text = helper.boxWrap(description, width - INDENT.length);
  return `  ${term}\n${text.replaceAll(/^/gm, INDENT)}`;
}
