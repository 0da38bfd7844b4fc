/** Writes the demo's apps to `outDir`, with their clients in one file. */
export function bundleDemo(outDir: string): Promise<void>;
