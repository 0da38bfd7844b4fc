import { StackError } from '../../domain/errors.ts';
import type { Verb } from '../common/verb.ts';
import { renderCompletion, SHELLS } from './scripts.ts';

type Shell = (typeof SHELLS)[number];

/** The folder is asked for of the program; what it says beside that is for the person. An old alias would win over the function. */
const POSIX = `unalias stack 2>/dev/null
stack() {
  if [ "\${1-}" != cd ]; then
    command stack "$@"
    return
  fi
  shift
  case " $* " in
    *" -h "* | *" --help "* | *" --json "*) command stack cd "$@" ;;
    *)
      local folder
      folder="$(command stack path "$@")" && cd -- "$folder"
      ;;
  esac
}
`;

const FISH = `function stack --wraps stack
    if test "$argv[1]" != cd
        command stack $argv
        return
    end
    set -e argv[1]
    if contains -- -h $argv; or contains -- --help $argv; or contains -- --json $argv
        command stack cd $argv
        return
    end
    set -l folder (command stack path $argv)
    and cd -- $folder
end
`;

const FUNCTIONS: Record<Shell, string> = { bash: POSIX, zsh: POSIX, fish: FISH };

/** Returns the name of the person's shell; bash where it is none of ours. */
export function shellOf({ SHELL = '' }: Readonly<Record<string, string | undefined>>): Shell {
  return SHELLS.find((name) => SHELL.endsWith(`/${name}`)) ?? 'bash';
}

export const shellInit: Verb<object, { shell: string; script: string }> = {
  name: 'shell-init',
  summary: 'print what makes `stack cd` work in your shell, with its completion',
  args: '<shell>',
  flags: [],
  examples: ['eval "$(stack shell-init bash)"', 'eval "$(stack shell-init zsh)"', 'stack shell-init fish | source'],
  completes: { choices: SHELLS },
  async run(_context, { args: [shell = ''] }) {
    const known = SHELLS.find((name) => name === shell);
    if (!known) {
      throw new StackError('usage', `there is nothing for the shell ${JSON.stringify(shell)}`, {
        hint: `use one of: ${SHELLS.join(', ')}`,
      });
    }
    return { shell, script: FUNCTIONS[known] + renderCompletion(known) };
  },
  render: ({ script }) => script.trimEnd(),
};
