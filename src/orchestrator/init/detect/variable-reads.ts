import { CODE_FILES, CODE_SETTINGS } from '../../sources/sources.ts';

/** A way in which programs read variables. Groups: `name`, and `value` for what stands in where nobody sets it. */
interface Way {
  files: RegExp;
  /** Only files that hold this too. */
  beside?: RegExp;
  pattern: RegExp;
}

const NAME = '(?<name>[A-Z][A-Z0-9]*(?:_+[A-Z0-9]+)*)';
const TEXT = String.raw`['"\`](?<value>[^'"\`\n]*)['"\`]`;
const SCRIPTS = /\.(?:[cm]?[jt]sx?|vue|svelte|astro)$/;
const SETTINGS_CLASS = /\bBaseSettings\b/;

/** How the languages and the libraries that check settings name variables. */
const WAYS: readonly Way[] = [
  // process.env.X ?? 'y'
  {
    files: SCRIPTS,
    pattern:
      /\benv\??\.(?<name>[A-Z][A-Z0-9]*(?:_+[A-Z0-9]+)*)\b(?:[)!\s]*(?:as \w+\s*)?(?:,\s*10\s*\))?\s*(?:\|\||\?\?)\s*\(?(?:['"`](?<value>[^'"`\n]*)['"`]|(?<number>\d+)))?/g,
  },
  // process.env['X'], config.get<string>('X', 'y'), os.environ.get("X", "y"), ENV.fetch("X") { "y" }, os.Getenv("X"), env('X', 'y')
  {
    files: CODE_FILES,
    pattern: new RegExp(
      String.raw`\b(?:\w*[eE][nN][vV]\w*|[cC]onfig\w*|viper|settings)(?:\??\.\w+[!?]?|!)*(?:<[^>\n]*>)?\s*[([]\s*['"\`]${NAME}['"\`]` +
        String.raw`(?:\s*(?:,|[\])]+\s*(?:\|\||\?\?|\{|or\b))\s*(?:default\s*[=:]\s*|cast=\w+,\s*default=)?[\[{(]*\s*(?:${TEXT}|(?<number>\d+)\b))?`,
      'g',
    ),
  },
  // const { X = 'y' } = process.env; import { X } from '$env/static/private'
  {
    files: SCRIPTS,
    beside: /=\s*(?:process|import\.meta)\.env\b(?!\.)|['"](?:\$env\/|astro:env)/,
    pattern: new RegExp(
      String.raw`\b(?=[A-Z])(?<=\{[^{}]*?)\b${NAME}\b(?:\s*=\s*${TEXT})?(?=[^{}]*\}\s*(?:=\s*(?:process|import\.meta)\.env\b|from\s*['"](?:\$env\/|astro:env)))`,
      'g',
    ),
  },
  // X: z.string().default('y'), X: Joi.number(), X: str({ default: 'y' }), X: { type: 'string', default: 'y' }
  {
    files: SCRIPTS,
    beside: /env/i,
    pattern: new RegExp(
      String.raw`(?<=^|[\s{,])['"]?${NAME}['"]?\s*:\s*(?:(?:z|Joi|joi|yup|Type|t|v|envField|vine)\.|Env\.schema|(?:str|url|host|port|num|bool|email)\(|\{\s*type:)(?:(?:(?!,\s*['"]?[A-Z])[^;]){0,160}?default\s*[(:]\s*(?:${TEXT}|(?<number>\d+)\b))?`,
      'gm',
    ),
  },
  // class Env { @IsString() X: string }
  {
    files: /\.ts$/,
    beside: /class-validator/,
    pattern: new RegExp(String.raw`^\s+${NAME}[!?]?:\s*(?:string|number|boolean)\b`, 'gm'),
  },
  // class Settings(BaseSettings): x: str = "y"
  {
    files: /\.py$/,
    beside: SETTINGS_CLASS,
    pattern: new RegExp(
      String.raw`^ {4}(?<name>[A-Za-z][A-Za-z0-9_]*)\s*:\s*(?:(?<list>[lL]ist\[)|\w)[\w[\]., |]*?(?:\s*=\s*(?:Field\(\s*(?:default\s*=\s*)?)?\[?(?:${TEXT}|(?<number>\d+))?[^\n]*)?$`,
      'gm',
    ),
  },
  // `env:"X" envDefault:"y"` of a Go struct
  {
    files: /\.go$/,
    pattern: new RegExp(
      String.raw`\b(?:env|envconfig):"${NAME}[^"\n]*"(?:\s+(?:envDefault|env-default|default):"(?<value>[^"\n]*)")?`,
      'g',
    ),
  },
  // ${X:y} of Spring
  {
    files: /(?:^|\/)application[\w-]*\.(?:ya?ml|properties)$/,
    pattern: new RegExp(String.raw`\$\{${NAME}(?::(?<value>[^{}\n]*))?\}`, 'g'),
  },
  // url = env("X") of Prisma, ENV["X"] in a template of settings
  {
    files: CODE_SETTINGS,
    pattern: new RegExp(
      String.raw`\b(?:env|ENV)(?:\.fetch)?\s*[([]\s*['"]${NAME}['"](?:\s*(?:,|[\])]+\s*(?:\|\||\{))\s*${TEXT})?`,
      'g',
    ),
  },
];

/** A variable that a file reads. */
export interface Read {
  name: string;
  /** What the code takes where it is not set. */
  value: string | undefined;
  /** Its value is read as a list in JSON. */
  isJson: boolean;
}

/** Returns the variables that the text of a file reads; those of a class of settings as the environment has them. */
export function listReads(file: string, text: string): Read[] {
  return WAYS.filter((way) => way.files.test(file) && (way.beside?.test(text) ?? true)).flatMap((way) =>
    [...text.matchAll(way.pattern)].map(({ groups = {} }) => ({
      name: way.beside === SETTINGS_CLASS ? prefixOf(text) + groups.name!.toUpperCase() : groups.name!,
      value: groups.value ?? groups.number,
      isJson: groups.list !== undefined,
    })),
  );
}

/** `env_prefix="SHOP_"` of a class of settings. */
function prefixOf(text: string): string {
  return text.match(/\benv_prefix\s*=\s*['"]([\w-]*)['"]/)?.[1]?.toUpperCase() ?? '';
}

/** Tells whether the text takes a variable apart at its commas, so that it may hold several values. */
export function readsAsList(text: string, name: string): boolean {
  const near = String.raw`\b${name}\b[^;{}]{0,80}?`;
  const before = String.raw`(?:env\.list|getlist|parseList|Csv|splitAndTrim)\b[^\n]{0,40}`;
  return (
    new RegExp(`${near}(?:\\.?[sS]plit\\(|,\\s*cast=Csv|\\bexplode\\b)`).test(text) ||
    new RegExp(`${before}\\b${name}\\b`).test(text) ||
    new RegExp(`(?:explode\\([^)]*|strings\\.Split\\([^)]*)\\b${name}\\b`).test(text)
  );
}
