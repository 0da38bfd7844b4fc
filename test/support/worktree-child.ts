/** Makes one worktree: `<repo> <path> <branch> <start>`; says so when it is done. */
import path from 'node:path';
import { addWorktree } from '../../src/adapters/git/worktree/worktree.ts';

const [repoPath = '', target = '', branch = '', start = ''] = process.argv.slice(2);
const gitCommonDir = path.join(repoPath, '.git');
await addWorktree({ repoPath, gitCommonDir, path: target, branch, start, newBranch: true });
console.log('made');
