/**
 * What a variable of stack.yml (`${env.NAME}`, `STACK_*`) or of the compose file stands for; undefined: for nothing. It is a
 * function, so that nobody can hand all of it to a program as its environment.
 */
export type Values = (name: string) => string | undefined;

/** Returns the values of the layers; the first one that has a name decides. */
export function layValues(...layers: Readonly<Record<string, string | undefined>>[]): Values {
  return (name) =>
    layers.map((layer) => (Object.hasOwn(layer, name) ? layer[name] : undefined)).find((value) => value !== undefined);
}
