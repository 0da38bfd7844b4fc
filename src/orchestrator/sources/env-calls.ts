/** A call that names the env files to read, or leaves it at the usual ones. */
export interface EnvCall {
  tool: string;
  /** Where it is looked for in code; undefined for a command of a shell line. */
  code?: RegExp;
  /** Its group `of` is what the call says: options, arguments. */
  pattern: RegExp;
  /** Tells a file from what else it says. */
  file: RegExp;
  usual: readonly string[];
  /** What the call says where its files go over what is there. */
  overrides?: RegExp;
  /** The last of several has the most to say, and not the first. */
  lastWins?: boolean;
}

const NAME = String.raw`(?:[\w.-]+\/)*[\w-]*\.env(?:\.[\w-]+)*(?![\w.-]|\.?[$%{])`;
const IN_QUOTES = new RegExp(String.raw`['"\x60]\/?(${NAME})['"\x60]`, 'g');
const USUAL = ['.env'];
const NONE: readonly string[] = [];
const ALWAYS = /^/;
const NODE = /\.[cm]?[jt]sx?$/;
const PYTHON = /\.py$/;

function after(option: string): RegExp {
  return new RegExp(`${option}["']?(${NAME})`, 'g');
}

/** What each does with a variable that it was given, and with several files, was tried or is what its documentation says. */
export const ENV_CALLS: readonly EnvCall[] = [
  {
    ...{ tool: 'env-cmd', pattern: /\benv-cmd\b(?<of>[^&|;]*)/g, file: after('(?:-f |--file[= ]|^ )') },
    ...{ usual: USUAL, overrides: /^(?!.*--no-override)/ },
  },
  {
    ...{ tool: 'dotenv', pattern: /(?<![\w/.-])dotenv(?![\w/.-])(?<of>[^&|;]*?(?= -- |$|[&|;]))/g },
    ...{ file: after('-e '), usual: USUAL, overrides: / (?:-o|--override)(?: |$)/ },
  },
  {
    ...{ tool: 'dotenvx', pattern: /\bdotenvx run\b(?<of>[^&|;]*?(?= -- |$|[&|;]))/g },
    ...{ file: after('(?:-f |--env-file[= ])'), usual: USUAL, overrides: / (?:-o|--overload)(?: |$)/ },
  },
  {
    ...{ tool: 'Node', pattern: /(?<of>[^&|;]*--env-file(?:-if-exists)?[= ][^&|;]*)/g },
    ...{ file: after('--env-file(?:-if-exists)?[= ]'), usual: NONE, lastWins: true },
  },
  {
    ...{ tool: 'foreman', pattern: /\b(?:foreman|honcho|nf) (?:start|run)\b(?<of>[^&|;]*)/g },
    ...{ file: after('(?:-e |--env[= ])'), usual: USUAL, overrides: ALWAYS },
  },
  {
    ...{ tool: 'the shell', pattern: /(?:^|[;&|(])\s*(?<of>(?:source|\.) [^&|;]*|export \$\([^)]*\))/g },
    ...{ file: after('[ (]'), usual: NONE, overrides: ALWAYS },
  },
  {
    ...{ tool: 'dotenv', code: NODE, pattern: /\bdotenv\/config\b|\bdotenv\b[\s\S]{0,400}?\bconfig\((?<of>[^)]*)\)/g },
    ...{ file: IN_QUOTES, usual: USUAL, overrides: /\boverride: *true/ },
  },
  {
    ...{ tool: 'Nest', code: NODE, pattern: /\benvFilePath: *(?<of>\[[^\]]*\]|[^,\n}]*)/g },
    ...{ file: IN_QUOTES, usual: NONE },
  },
  {
    ...{ tool: 'python-dotenv', code: PYTHON, pattern: /\bload_dotenv\((?<of>(?:[^()]|\([^()]*\))*)\)/g },
    ...{ file: IN_QUOTES, usual: USUAL, overrides: /\boverride *= *True/ },
  },
  {
    ...{ tool: 'django-environ', code: PYTHON, pattern: /\bread_env\((?<of>(?:[^()]|\([^()]*\))*)\)/g },
    ...{ file: IN_QUOTES, usual: USUAL, overrides: /\boverwrite *= *True/ },
  },
  {
    ...{ tool: 'pydantic', code: PYTHON, pattern: /\benv_file['"]? *[=:] *(?<of>\([^)]*\)|['"][^'"]*['"])/g },
    ...{ file: IN_QUOTES, usual: NONE, lastWins: true },
  },
  {
    ...{ tool: 'godotenv', code: /\.go$/, pattern: /\bgodotenv\.(?<of>(?:Over)?[Ll]oad\([^)]*\))/g },
    ...{ file: IN_QUOTES, usual: USUAL, overrides: /^Over/ },
  },
  {
    ...{ tool: 'dotenv', code: /\.(?:rb|ru)$/, pattern: /\bDotenv\.(?<of>(?:load|overload|overwrite)!?[^\n]*)/g },
    ...{ file: IN_QUOTES, usual: USUAL, overrides: /^over/ },
  },
];
