/** Flags that every verb takes, in commander's notation, with what they mean. */
export const FLAGS_OF_EVERY = [
  ['--runtime <name>', 'the runtime of services that name none'],
  ['--json', 'print one JSON document'],
  ['-q, --quiet', 'print no progress; warnings stay'],
  ['-y, --yes', 'answer every question yes'],
] as const;

export const HELP_FLAG = ['-h, --help', 'show help'] as const;

/** Stands before the verb (working-folder.ts). */
export const FOLDER_FLAG = ['-C <dir>', 'as if run in that folder; before the verb'] as const;

/** The same. */
export const ROOT_FLAG = ['--root <dir>', 'the stack whose root it is; before the verb'] as const;

/** Returns the names in a flag's notation: `-q`, `--quiet`. */
export function namesOf(notation: string): string[] {
  return notation.split(/[ ,]+/).filter((word) => word.startsWith('-'));
}
