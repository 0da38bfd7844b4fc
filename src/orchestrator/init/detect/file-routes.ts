import type { Sources } from '../../sources/sources.ts';

/** How the frameworks name the file of a route, and what stands in front of its path. */
const WAYS: readonly { files: RegExp; before: string }[] = [
  // Next.js
  { files: /^(?:src\/)?app\/(.+)\/route\.[jt]sx?$/, before: '/' },
  { files: /^(?:src\/)?pages\/api\/(.+?)(?:\/index)?\.[jt]s$/, before: '/api/' },
  // SvelteKit
  { files: /^src\/routes\/(.+)\/\+server\.[jt]s$/, before: '/' },
  // Nuxt
  { files: /^server\/api\/(.+?)(?:\/index)?(?:\.get)?\.[jt]s$/, before: '/api/' },
  { files: /^server\/routes\/(.+?)(?:\/index)?(?:\.get)?\.[jt]s$/, before: '/' },
  // Astro
  { files: /^src\/pages\/(.+?)(?:\/index)?\.[jt]s$/, before: '/' },
  // Remix, whose dots are slashes
  { files: /^app\/routes\/(.+?)(?:\/(?:route|index))?\.[jt]sx?$/, before: '/' },
];

/** Returns the path of the route whose file has one of these names, the first of them: `/healthz`; undefined where there is none. */
export function findFileRoute({ names }: Sources, wanted: readonly string[]): string | undefined {
  const paths = [...names].flatMap((file) => {
    const way = WAYS.find(({ files }) => files.test(file));
    const route = way?.files.exec(file)?.[1];
    return way && route ? [way.before + pathOf(route, file.startsWith('app/routes/'))] : [];
  });
  return wanted.flatMap((name) => paths.filter((one) => one === `/${name}` || one.endsWith(`/${name}`)))[0];
}

/** What is only for sorting files, such as `(group)`, `_layout` and `folder+`, is no part of the path. */
function pathOf(route: string, hasDots: boolean): string {
  const parts = route.split(hasDots ? /[./]/ : '/').map((part) => part.replace(/\+$/, ''));
  return parts.filter((part) => !/^\(.*\)$/.test(part) && !(hasDots && part.startsWith('_'))).join('/');
}
