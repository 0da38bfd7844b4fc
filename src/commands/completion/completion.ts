import type { Verb } from '../common/verb.ts';
import { renderCompletion, SHELLS } from './scripts.ts';

export const completion: Verb<object, { shell: string; script: string }> = {
  name: 'completion',
  summary: 'print the script that completes verbs, flags and tickets in your shell',
  args: '<shell>',
  flags: [],
  examples: [
    'eval "$(stack completion bash)"',
    'stack completion zsh > ~/.zfunc/_stack',
    'stack completion fish | source',
  ],
  completes: { choices: SHELLS },
  async run(_context, { args: [shell = ''] }) {
    return { shell, script: renderCompletion(shell) };
  },
  render: ({ script }) => script.trimEnd(),
};
