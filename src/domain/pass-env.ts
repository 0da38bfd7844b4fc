/** Returns the variables of an environment that have one of these names; one with a `*` behind says how names begin. */
export function pickPassed(
  env: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): Record<string, string> {
  const isNamed = (variable: string): boolean =>
    names.some((name) => (name.endsWith('*') ? variable.startsWith(name.slice(0, -1)) : variable === name));
  const picked: Record<string, string> = {};
  for (const [variable, value] of Object.entries(env)) {
    if (value !== undefined && isNamed(variable)) picked[variable] = value;
  }
  return picked;
}

/** What is known of a command that failed. */
export interface FailedCommand {
  repo: string;
  /** Variable → the file that names it. */
  named: ReadonlyMap<string, string>;
  /** The last lines that it printed. */
  printed: readonly string[];
  /** Its environment. */
  given: Readonly<Record<string, string | undefined>>;
  /** The person's. */
  shell: Readonly<Record<string, string | undefined>>;
}

/** Words of which nobody means anything but a variable. */
const VARIABLE = /\b[A-Z][A-Z0-9]*(?:_+[A-Z0-9]+)+\b/g;

/**
 * Says which variables a command lacked: those that files of its package manager name, and those of the shell of which it has
 * printed the name. Undefined where it has them all. Values are not told.
 */
export function tellLack({ repo, named, printed, given, shell }: FailedCommand): string | undefined {
  const spoken = printed.flatMap((line) => line.match(VARIABLE) ?? []).filter((name) => shell[name]);
  const lacking = [...new Set([...named.keys(), ...spoken])].filter((name) => !given[name]);
  const held = lacking.filter((name) => shell[name]);
  const names = held.join(', ');
  const passed =
    held.length === 0
      ? []
      : [`it was not given ${names} of your shell: \`pass_env: [${names}]\` of ${repo} in stack.yml passes it on`];
  const absent = lacking
    .filter((name) => !shell[name])
    .map((name) => `${named.get(name)} names ${name}, which your shell does not have`);
  return [...passed, ...absent].join('; ') || undefined;
}
