import { StackError } from '../../domain/errors.ts';

/** The shells there is a completion script for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;

type Shell = (typeof SHELLS)[number];

// Each script asks `stack __complete -- WORDS…`, which answers one `candidate<TAB>description` a line. What `stack`
// prints to stderr is thrown away: a broken stack.yml must not fill the prompt.

// bash splits words at `=` (COMP_WORDBREAKS), so they are put together again before the question, and what readline
// already holds of the word is taken off the answers. Written for bash 3.2 too, which is what macOS has, and whose `source <(…)` reads
// nothing.
const BASH = `# bash completion for stack. To try it:   eval "$(stack completion bash)"
# To keep it:                            stack completion bash > ~/.local/share/bash-completion/completions/stack
_stack() {
  local i word line last=-1 current="\${COMP_WORDS[COMP_CWORD]}"
  local words found
  words=()
  found=()
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    if ((last >= 0)) && [[ "$word" == "=" || "\${COMP_WORDS[i - 1]}" == "=" ]]; then
      words[last]+="$word"
    else
      last=$((last + 1))
      words[last]="$word"
    fi
  done
  [[ "$current" == "=" ]] && current=""
  local held="\${words[last]%"$current"}"
  while IFS= read -r line; do
    word="\${line%%$'\\t'*}"
    [[ -n "$word" ]] && found+=("\${word#"$held"}")
  done < <(stack __complete -- "\${words[@]}" 2>/dev/null)
  COMPREPLY=("\${found[@]}")
  [[ "\${found[0]-}" == *= ]] && compopt -o nospace 2>/dev/null
  return 0
}
complete -F _stack stack
`;

const ZSH = `#compdef stack
# zsh completion for stack. To try it:   source <(stack completion zsh)
# To keep it:                           stack completion zsh > "\${fpath[1]}/_stack"
_stack() {
  local line word
  local -a closed closed_text open open_text
  while IFS= read -r line; do
    word="\${line%%$'\\t'*}"
    [[ -z "$word" ]] && continue
    if [[ "$word" == *= ]]; then
      open+=("$word")
      open_text+=("\${line//$'\\t'/  -- }")
    else
      closed+=("$word")
      closed_text+=("\${line//$'\\t'/  -- }")
    fi
  done < <(stack __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  ((\${#closed})) && compadd -l -d closed_text -a closed
  ((\${#open})) && compadd -l -S '' -d open_text -a open
}
if [[ "$funcstack[1]" == "_stack" ]]; then
  _stack "$@"
elif ((\${+functions[compdef]})); then
  compdef _stack stack
fi
`;

const FISH = `# fish completion for stack. To try it:   stack completion fish | source
# To keep it:                            stack completion fish > ~/.config/fish/completions/stack.fish
function __stack_complete
    set -l words (commandline -opc)
    set -e words[1]
    stack __complete -- $words (commandline -ct) 2>/dev/null
end
# fish comes with completions for another program of this name
complete -c stack -e
complete -c stack -f -a '(__stack_complete)'
`;

const SCRIPTS: Record<Shell, string> = { bash: BASH, zsh: ZSH, fish: FISH };

/** Returns the completion script of a shell, to be printed as it is. Throws `usage` for a shell there is none for. */
export function renderCompletion(shell: string): string {
  const known = SHELLS.find((name) => name === shell);
  if (!known) {
    throw new StackError('usage', `there is no completion for ${JSON.stringify(shell)}`, {
      hint: `use one of: ${SHELLS.join(', ')}`,
    });
  }
  return SCRIPTS[known];
}
