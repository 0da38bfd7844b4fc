/** Names that `${…}` reads in its own way, and the baseline's. */
const RESERVED = [
  'env',
  'port',
  'ticket',
  'tickets',
  'branch',
  'stack',
  'root',
  'worktree',
  'baseline',
  'postgres',
  'mysql',
  'redis',
];
const MOST_CHARACTERS = 30;

/** Returns a text as a name by the rule of `stack.yml`: lower-case letters, digits, inner hyphens; `other` when nothing is left. */
export function slugName(text: string, other: string): string {
  const slug = text
    .normalize('NFKD')
    .replaceAll(/\p{Mn}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, MOST_CHARACTERS + 1);
  const trimmed = slug.replace(/^-/, '').slice(0, MOST_CHARACTERS).replace(/-$/, '');
  return trimmed === '' ? other : trimmed;
}

/** Returns a name that is neither reserved nor taken, and takes it: `web`, else `shop-web`, else `web-2`. */
export function takeName(taken: Set<string>, text: string, owner: string): string {
  const name = slugName(text, 'app');
  const candidates = [name, slugName(`${owner}-${name}`, name)];
  const free =
    candidates.find((candidate) => !taken.has(candidate) && !RESERVED.includes(candidate)) ?? numbered(taken, name);
  taken.add(free);
  return free;
}

function numbered(taken: ReadonlySet<string>, name: string): string {
  for (let number = 2; ; number++) {
    const suffix = `-${number}`;
    const candidate = name.slice(0, MOST_CHARACTERS - suffix.length).replace(/-$/, '') + suffix;
    if (!taken.has(candidate)) return candidate;
  }
}
