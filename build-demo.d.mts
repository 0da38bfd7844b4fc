/** Writes the demo's apps to `outDir`, with their clients in one file; returns the names of the files that were bundled. */
export function bundleDemo(outDir: string): Promise<string[]>;
