/** What other tools call it. Words that are near in letters are found by their letters. */
const OTHER_WORDS: Record<string, readonly string[]> = {
  init: ['setup', 'configure', 'clone'],
  create: ['switch', 'checkout', 'branch', 'worktree', 'fork', 'make', 'provision'],
  add: ['borrow', 'share'],
  ps: ['tickets'],
  top: ['stats', 'usage', 'htop', 'du', 'df'],
  show: ['info', 'inspect', 'describe', 'get'],
  here: ['whereami', 'pwd', 'which'],
  env: ['environment', 'vars', 'printenv', 'dotenv'],
  start: ['launch', 'boot'],
  stop: ['kill', 'halt'],
  pause: ['suspend', 'freeze', 'hibernate', 'sleep'],
  resume: ['unpause', 'wake', 'thaw'],
  restart: ['reload', 'rebuild', 'refresh'],
  recreate: ['reset', 'redo', 'renew', 'anew'],
  destroy: ['delete', 'del', 'prune', 'purge', 'clean', 'cleanup', 'terminate', 'drop'],
  restore: ['undo', 'recover', 'undelete', 'unstash'],
  config: ['settings', 'options'],
  open: ['browse', 'web', 'url'],
  code: ['edit', 'editor', 'ide', 'vscode'],
  logs: ['tail', 'attach', 'events'],
  exec: ['run', 'shell', 'ssh', 'sh', 'bash', 'enter', 'npm'],
  db: ['psql', 'postgres', 'mysql', 'database', 'dump', 'migrate', 'seed'],
  down: ['shutdown'],
  check: ['verify', 'validate', 'test', 'port', 'ports'],
  doctor: ['diagnose', 'repair', 'fix', 'gc'],
};

/** Returns the verb of ours that does what another tool's verb does; undefined where there is none. */
export function findOwnWord(word: string): string | undefined {
  return Object.entries(OTHER_WORDS).find(([, others]) => others.includes(word))?.[0];
}
