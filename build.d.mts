/** Bundles `entryPoints` (`{ name: file }`) into `outdir`; `options` are esbuild's. */
export declare function bundle(
  entryPoints: Record<string, string>,
  outdir: string,
  options?: Record<string, unknown>,
): Promise<void>;
