/** Makes a thing at its first call; `made` tells whether that has been. */
interface Once<Value> {
  (): Promise<Value>;
  readonly made: boolean;
}

/** Returns what makes a thing once. */
export function once<Value>(make: () => Promise<Value>): Once<Value> {
  let made: Promise<Value> | undefined;
  const ask = (): Promise<Value> => {
    made ??= make();
    return made;
  };
  return Object.defineProperty(ask, 'made', { get: () => made !== undefined }) as Once<Value>;
}

/** Returns what makes a thing for each key once. */
export function onceFor<Value>(make: (key: string) => Promise<Value>): (key: string) => Promise<Value> {
  const made = new Map<string, Promise<Value>>();
  return (key) => {
    const known = made.get(key) ?? make(key);
    made.set(key, known);
    return known;
  };
}
