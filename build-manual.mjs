// Makes what `stack help TOPIC` prints, and man pages, of docs/ and of the help of each verb.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { lexer, Marked } from 'marked';
import markedMan from 'marked-man';
import wrapAnsi from 'wrap-ansi';

/** What help there is beside that of verbs, where its text stands in docs/ (one chapter of it, or all), and its chapter in man. */
const TOPICS = {
  environment: { file: 'environment.md', section: 7, says: 'variables, files, output and exit codes of stack' },
  'exit-codes': { file: 'environment.md', chapter: 'Output and exit codes', section: 7, says: 'how stack answers' },
  'stack.yml': { file: 'stack-yml.md', section: 5, says: 'describes a product for stack' },
};

/** What marked escapes for HTML, as roff writes it. */
const ENTITIES = { '&quot;': '\\(dq', '&#39;': '\\(aq', '&lt;': '<', '&gt;': '>', '&amp;': '&' };

const COLUMNS = 80;
const INDENT = 4;
/** Where what is said of a term begins, unless the term is longer. */
const TERM = 28;

/** Writes `help/TOPIC.txt` and `man/` into `dist`. The verbs as src/program.ts has them, and the flags that all take. */
export async function writeManual(root, dist, { verbs, FLAGS_OF_EVERY, HELP_FLAG }) {
  const { version } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
  const everyFlag = [...FLAGS_OF_EVERY, HELP_FLAG];
  await Promise.all(['help', 'man'].map((folder) => mkdir(path.join(dist, folder), { recursive: true })));
  const topics = Object.entries(TOPICS).map(async ([name, { file, chapter, section, says }]) => {
    const tokens = pickChapter(lexer(await readFile(path.join(root, 'docs', file), 'utf8')), chapter);
    await writeFile(path.join(dist, 'help', `${name}.txt`), `${renderText(tokens)}\n`);
    const page = name.startsWith('stack') ? name : `stack-${name}`;
    await writePage(dist, { page, section, says, version, body: renderMarkdown(tokens.slice(chapter ? 0 : 1)) });
  });
  const pages = verbs.map((verb) =>
    writePage(dist, {
      page: `stack-${verb.name}`,
      section: 1,
      says: verb.summary,
      version,
      body: describeVerb(verb, everyFlag),
    }),
  );
  await Promise.all([
    ...topics,
    ...pages,
    writePage(dist, { page: 'stack', section: 1, ...describeAll(verbs), version }),
  ]);
}

async function writePage(dist, { page, section, says, version, body }) {
  // The same text makes the same page, whenever it is built.
  const head = { name: page, section: String(section), manVersion: `stack ${version}`, manual: 'stack', date: 0 };
  const roff = new Marked(markedMan, head).parse(`# ${page}(${section}) -- ${says}\n\n${body}\n`);
  await writeFile(
    path.join(dist, 'man', `${page}.${section}`),
    roff.replaceAll(/&(quot|#39|lt|gt|amp);/g, (name) => ENTITIES[name]),
  );
}

/** The chapter of that heading; all where none is named. */
function pickChapter(tokens, chapter) {
  if (chapter === undefined) return tokens;
  const start = tokens.findIndex(({ type, text }) => type === 'heading' && text === chapter);
  if (start === -1) throw new Error(`docs/ has no chapter ${chapter}`);
  const end = tokens.findIndex(
    ({ type, depth }, at) => at > start && type === 'heading' && depth <= tokens[start].depth,
  );
  return tokens.slice(start, end === -1 ? undefined : end);
}

/** A table as terms with what is said of each: nothing else fits a terminal. */
function listTerms({ header, rows }) {
  return rows.map(([term, says, ...more]) => {
    const others = more.map((cell, at) => ({ title: plain(header[at + 2]), text: plain(cell) }));
    const told = others.filter(({ text }) => text !== '–' && text !== '');
    return {
      term: plain(term),
      says: [plain(says), ...told.map(({ title, text }) => `(${title}: ${text})`)].join(' '),
    };
  });
}

/** Text without its links, which lead nowhere in a terminal. Of what holds nothing else marked has escaped `text`, and not `raw`. */
function plain({ type, tokens, text = '', raw = '' }) {
  if (!tokens?.length) return type === 'codespan' || type === 'text' ? raw : text;
  return tokens.map(plain).join('').replaceAll('\n', ' ');
}

function renderText(tokens) {
  return tokens.flatMap((token) => renderBlock(token) ?? []).join('\n\n');
}

function renderBlock(token) {
  switch (token.type) {
    case 'heading':
      return `${' '.repeat(token.depth > 2 ? INDENT / 2 : 0)}${plain(token)}`;
    case 'paragraph':
      return hang('', plain(token), INDENT);
    case 'list':
      return token.items.map((item) => hang('- ', plain(item), INDENT)).join('\n');
    case 'table':
      return listTerms(token).map(renderTerm).join('\n');
    case 'code':
      return token.text
        .split('\n')
        .flatMap(foldComment)
        .map((line) => ' '.repeat(INDENT) + line)
        .join('\n');
    case 'space':
      return undefined;
    default:
      throw new Error(`docs/ has a ${token.type}, which no help page knows`);
  }
}

function renderTerm({ term, says }) {
  const [first, ...rest] = hang('', says, TERM).split('\n');
  const head = hang('', term, INDENT);
  return [...(head.length > TERM - 2 ? [head, first] : [head.padEnd(TERM) + first.trimStart()]), ...rest].join('\n');
}

/** Wraps a text behind a mark, its further lines below its first. */
function hang(mark, text, indent) {
  const margin = indent + mark.length;
  const [first, ...rest] = wrapAnsi(text, COLUMNS - margin).split('\n');
  return [' '.repeat(indent) + mark + first, ...rest.map((line) => ' '.repeat(margin) + line)].join('\n');
}

/** The comment of a line that is too long stands above it. */
function foldComment(line) {
  const [, margin = '', code = '', comment] = /^(\s*)(.*?)\s+# (.*)$/.exec(line) ?? [];
  if (line.length <= COLUMNS - INDENT || !comment) return [line];
  const room = COLUMNS - INDENT - margin.length - 2;
  return [
    ...wrapAnsi(comment, room)
      .split('\n')
      .map((part) => `${margin}# ${part}`),
    margin + code,
  ];
}

/** The same as Markdown that man pages are made of. */
function renderMarkdown(tokens) {
  const blocks = tokens.map((token) => {
    if (token.type === 'table')
      return listTerms(token)
        .map(({ term, says }) => `* ${term}:\n  ${says}`)
        .join('\n');
    if (token.type === 'heading') return `${'#'.repeat(Math.max(2, token.depth))} ${plain(token)}`;
    if (token.type === 'list') return token.items.map((item) => `- ${plain(item)}`).join('\n');
    return token.type === 'paragraph' ? plain(token) : token.raw.trim();
  });
  return blocks.filter((block) => block !== '').join('\n\n');
}

function describeVerb({ name, aliases = [], args, command, flags, repoFlags = [], examples }, everyFlag) {
  const options = [
    ...repoFlags.map(({ name: flag, value, description }) => [`--${flag}-REPO <${value}>`, description]),
    ...flags,
    ...everyFlag,
  ];
  return [
    '## SYNOPSIS',
    `\`stack ${name}\` [options] ${args}${command ? ' -- <command...>' : ''}`,
    ...(aliases.length > 0 ? [`Other names: ${aliases.join(', ')}`] : []),
    '## OPTIONS',
    options.map(([flag, description]) => `* \`${flag}\`:\n  ${description}`).join('\n'),
    '## EXAMPLES',
    examples.map((example) => `    $ ${example}`).join('\n'),
    '## SEE ALSO',
    'stack(1), stack.yml(5), stack-environment(7)',
  ].join('\n\n');
}

function describeAll(verbs) {
  const topics = Object.entries(TOPICS).map(([name, { section, says }]) => [
    `${name.startsWith('stack') ? name : `stack-${name}`}(${section})`,
    says,
  ]);
  const pages = verbs.map(({ name, summary }) => [`stack-${name}(1)`, summary]);
  const body = [
    '## SYNOPSIS',
    '`stack` [-C DIR] <verb> [options]',
    '## VERBS',
    pages.map(([page, says]) => `* \`${page}\`:\n  ${says}`).join('\n'),
    '## MORE',
    topics.map(([page, says]) => `* \`${page}\`:\n  ${says}`).join('\n'),
  ];
  return { says: 'gives every ticket its own running copy of a product', body: body.join('\n\n') };
}
