import type { Random } from './random.ts';

/** True as often as `probability` says, from 0 to 1. */
export function chance(random: Random, probability: number): boolean {
  return random.below(1_000_000) < probability * 1_000_000;
}

/** Returns pieces that mean something to a shell, to git, to a file system, to YAML or to a terminal. `canary`: a path. */
function listPieces(canary: string): string[] {
  return [
    ...[`$(touch ${canary})`, `\`touch ${canary}\``, `;touch ${canary};`, `|touch ${canary}`, `&& touch ${canary}`],
    ...[`'; touch ${canary}; '`, `"; touch ${canary}; "`, `\ntouch ${canary}\n`, `\${IFS}touch\${IFS}${canary}`],
    ...[
      '--upload-pack=touch ',
      `--upload-pack=touch ${canary}`,
      `-oProxyCommand=touch ${canary}`,
      `ext::sh -c touch% ${canary}`,
    ],
    ...['-', '--', '--force', '-rf', '-x', '--help', '--json', '--exec', '--output=x', '-C', '--git-dir=/'],
    ...[
      '..',
      '../',
      '../../..',
      '/',
      '//',
      './',
      '.',
      '/etc/passwd',
      '~',
      '~root',
      '..\\',
      'C:\\x',
      'a/../../b',
      '.git',
      '.git/hooks',
    ],
    ...['\n', '\r\n', '\r', '\t', ' ', '\v', '\f', '\b', '\u001b[2J', '\u001b]0;title\u0007', '\u0007', '\u0085'],
    ...[
      '\u200b',
      '\u200d',
      '\u202e',
      '\u2066',
      '\ufeff',
      '\u00ad',
      '\u2028',
      '\u0430',
      '\uff0f',
      '\u2024\u2024',
      '\u0131',
      '\u212a',
      'e\u0301',
    ],
    ...['\ud83d\ude00', 'ß', 'é', '日本', '\ufffd'],
    ...['con', 'CON', 'nul', 'aux.txt', 'com1', 'LPT9', 'prn', 'desktop.ini', '$RECYCLE.BIN'],
    ...[
      '.lock',
      'a.lock',
      '@{',
      '@',
      'HEAD',
      '@{u}',
      '^',
      '^{commit}',
      '~1',
      ':',
      ':/',
      '?',
      '*',
      '[',
      ']',
      '**',
      '{a,b}',
      '!',
      '\\',
      '\\\\',
    ],
    ...[
      "'",
      '"',
      '`',
      '$',
      '${',
      '}',
      '${x}',
      '$${',
      '${env.HOME}',
      '${ticket}',
      '${port.http}',
      '%s',
      '%n',
      '#',
      '<',
      '>',
      '(',
      ')',
      '&',
      ';',
      '|',
      '=',
    ],
    ...[
      'baseline',
      'constructor',
      '__proto__',
      'prototype',
      'toString',
      'hasOwnProperty',
      'main',
      'feat/ui',
      'refs/heads/main',
      'origin/main',
    ],
    ...['null', 'true', '~', '0', '1e9', '0x1f', '- a', 'a: b', '!!js/function', '&a', '*a', '<<', '? ', '---', '...'],
    ...['# >>> stack >>>', '# <<< stack <<<', 'A=1', 'export X', '\\n', '\\', 'a\\'],
  ];
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./ ';

/** Returns a text that nobody should type. `plain`: how often it is an ordinary word. */
export function nastyText(random: Random, canary: string, { nul = true, plain = 0.1 } = {}): string {
  const pieces = listPieces(canary);
  if (chance(random, plain)) return ordinaryWord(random);
  if (chance(random, 0.1)) return random.pick(pieces);
  if (chance(random, 0.02))
    return random.pick(['a', '../', 'é', '$(', ' ', 'a/']).repeat(random.pick([60, 300, 5_000]));
  const parts = Array.from({ length: 1 + random.below(4) }, () => {
    if (nul && chance(random, 0.02)) return '\0';
    if (chance(random, 0.05)) return String.fromCharCode(1 + random.below(0x110));
    return chance(random, 0.3) ? ordinaryWord(random) : random.pick(pieces);
  });
  return parts.join('');
}

function ordinaryWord(random: Random): string {
  return Array.from({ length: 1 + random.below(12) }, () => LETTERS[random.below(LETTERS.length)]).join('');
}

/** All together; `npm run faults` asks for them, the tests for a part. */
const MOST = 10_000;

/** Returns how many cases of a share of all there are to be, at least `fewest`, and the seed of the first. */
export function readWish(share: number, fewest: number): { count: number; seed: number } {
  const { STACK_FAULT_EXTENT, STACK_FAULT_SEED } = process.env;
  const count = STACK_FAULT_EXTENT === undefined ? fewest : Math.ceil(MOST * share);
  return { count, seed: Number(STACK_FAULT_SEED) || 20_261_121 };
}
