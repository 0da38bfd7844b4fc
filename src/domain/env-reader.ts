/** What reads env files in a folder: a tool by its nature, or because a script or the code says so. */
export interface EnvReader {
  /** `env-cmd`, `dotenv`, `Vite`. */
  tool: string;
  /** The script that says so; undefined for what the code says, or the tool does by itself. */
  script?: string;
  /** Relative to the folder, the one with the most to say first. */
  files: readonly string[];
  /** What they say goes over what the program was given. */
  overrides: boolean;
  /** Nothing that stack runs leads to the script. */
  byHand?: boolean;
}

/** An env file's own say about a variable. */
export interface Winner {
  file: string;
  value: string;
}

/** Returns which of a reader's files has the say about a variable; undefined where none has it. `valuesOf` gives what a file holds. */
export function findWinner(
  { files }: EnvReader,
  key: string,
  valuesOf: (file: string) => Readonly<Record<string, string>> | undefined,
): Winner | undefined {
  for (const file of files) {
    const value = valuesOf(file)?.[key];
    if (value !== undefined) return { file, value };
  }
  return undefined;
}

/** Returns a reader's name for a person: "env-cmd in `npm run dev`". */
export function describeReader({ tool, script }: EnvReader): string {
  return script === undefined ? tool : `${tool} in \`${script}\``;
}

/** Of other places than a developer's machine, and of nobody's. */
const OTHER_PLACES =
  /(?:^|\.)(?:example|sample|template|dist|defaults?|production|prod|staging|test|ci|schema|vault|bak|orig)(?:\.|$)/;

/** True for an env file that nobody reads while they develop, or that only shows how one is written: `.env.test`, `.env.example`. */
export function isOfOtherPlace(name: string): boolean {
  return OTHER_PLACES.test(name);
}
