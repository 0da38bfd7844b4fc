/** The part of tar-fs that is used here; the package has no types of its own. */
declare module 'tar-fs' {
  interface Header {
    name: string;
    uid: number;
    gid: number;
  }
  interface PackOptions {
    /** True leaves a file or folder out, and all below it. Gets the path with `folder` in front. */
    ignore?: (path: string) => boolean;
    map?: (header: Header) => Header;
    strict?: boolean;
  }
  const tar: { pack(folder: string, options?: PackOptions): import('node:stream').Readable };
  export default tar;
}
