/** Bundles `entryPoints` (`{ name: file }`) into `outdir`; `options` are esbuild's. Returns the names of the files that went in. */
export declare function bundle(
  entryPoints: Record<string, string>,
  outdir: string,
  options?: Record<string, unknown>,
): Promise<string[]>;
