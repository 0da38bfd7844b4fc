import type { Shop } from './shop.ts';

/** Somebody else, in a clone `other-REPO` beside the shop, pushes a file to a base. Returns the commit. */
export function pushNews(shop: Shop, repo: string, file: string, text: string): string {
  const other = `${shop.folder}/other-${repo}`;
  shop.git(other, 'pull', '--quiet', '--rebase');
  shop.commit(other, file, text);
  shop.git(other, 'push', '--quiet');
  return shop.git(other, 'rev-parse', 'HEAD');
}
