/** The lines that stand before and after what stack writes into a file of people, known by how they begin. */
export interface BlockMarks {
  begin: string;
  end: string;
}

/** A run of lines of a file, ends included: people's, or a whole block of ours with its marks. */
export interface Part {
  ours: boolean;
  lines: string[];
}

/** Returns a text's lines with their ends. */
export function splitLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** Returns a file's text in runs of lines, whose texts together are the file's. */
export function splitParts(text: string, { begin, end }: BlockMarks): Part[] {
  const parts: Part[] = [];
  let open: Part = { ours: false, lines: [] };
  for (const line of splitLines(text)) {
    if (line.startsWith(begin)) {
      parts.push(giveBack(open));
      open = { ours: true, lines: [line] };
    } else if (!line.startsWith(end)) open.lines.push(line);
    else if (open.ours) {
      parts.push({ ours: true, lines: [...open.lines, line] });
      open = { ours: false, lines: [] };
    }
  }
  return [...parts, giveBack(open)].filter((part) => part.lines.length > 0);
}

/** A block without an end may have people's lines in it: all of it is kept but the mark. */
function giveBack(part: Part): Part {
  return part.ours ? { ours: false, lines: part.lines.slice(1) } : part;
}
