import { StackError } from '../../domain/errors.ts';

/** The shells there is a completion script for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;

type Shell = (typeof SHELLS)[number];

// Each script asks `stack __complete -- WORDS…`, which answers one `candidate<TAB>description` a line, or what the shell is to complete
// by itself: `:files`, `:folders`, and `:command N` where the last N words are a command line. What `stack` prints to stderr is thrown
// away: a broken stack.yml must not fill the prompt. A candidate is text: whatever a branch is called, nothing of it is run.

// bash splits words at `=`, `@` and others (COMP_WORDBREAKS), so they are put together again before the question, and what readline
// already holds of the word is taken off the answers. It hands over words as they are typed and takes answers as they are to be typed:
// quotes come off and go on here. Written for bash 3.2 too, which is what macOS has, and whose `source <(…)` reads nothing.
const BASH = `# bash completion for stack. To try it:   eval "$(stack completion bash)"
# To keep it:                            stack completion bash > ~/.local/share/bash-completion/completions/stack
_stack_unquote() {
  local i char
  text="" quote=""
  for ((i = 0; i < \${#1}; i++)); do
    char="\${1:i:1}"
    case "$quote$char" in
      \\\\ | \\"\\\\) i=$((i + 1)) && text+="\${1:i:1}" ;;
      \\' | \\") quote="$char" ;;
      \\'\\' | \\"\\") quote="" ;;
      ?*) text+="$char" ;;
    esac
  done
}
_stack_quote() {
  local i char
  quoted=""
  for ((i = 0; i < \${#1}; i++)); do
    char="\${1:i:1}"
    case "$quote" in
      \\') [[ "$char" == \\' ]] && char="'\\\\''" ;;
      \\") [[ "$char" == [\\"\\\\\\$\\\`] ]] && char="\\\\$char" ;;
      *) [[ "$char" == [[:alnum:]_./,:=@%+-] ]] || printf -v char %q "$char" ;;
    esac
    quoted+="$char"
  done
}
_stack_command() {
  local offset="$1"
  if declare -F _comp_command_offset >/dev/null; then
    _comp_command_offset "$offset"
  elif declare -F _command_offset >/dev/null; then
    _command_offset "$offset"
  elif ((offset == COMP_CWORD)); then
    COMPREPLY=($(compgen -c -- "$text"))
  else
    _stack_files -f
  fi
}
_stack_files() {
  local line
  compopt -o filenames 2>/dev/null
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen "$1" -- "$text")
}
_stack() {
  local i line word text quote quoted held piece last=-1 rest="\${COMP_LINE:0:COMP_POINT}"
  local words starts
  words=()
  starts=()
  COMPREPLY=()
  for ((i = 0; i <= COMP_CWORD; i++)); do
    line="\${rest#"\${rest%%[![:space:]]*}"}"
    piece="\${COMP_WORDS[i]}"
    ((i == COMP_CWORD)) && piece="$line"
    if [[ $i -gt 0 && -n "$piece" && "$line" == "$rest" ]]; then
      words[last]+="$piece"
    else
      last=$((last + 1))
      words[last]="$piece"
      starts[last]="$i"
    fi
    rest="\${line#"$piece"}"
  done
  [[ "$piece" == [=:@] ]] && piece=""
  _stack_unquote "\${words[last]%"$piece"}"
  held="$text"
  for ((i = 1; i <= last; i++)); do
    _stack_unquote "\${words[i]}"
    words[i]="$text"
  done
  while IFS= read -r line; do
    word="\${line%%$'\\t'*}"
    case "$word" in
      "") ;;
      :files) _stack_files -f ;;
      :folders) _stack_files -d ;;
      :command*) _stack_command "\${starts[last + 1 - \${word#:command }]}" ;;
      *)
        _stack_quote "\${word#"$held"}"
        COMPREPLY+=("$quoted")
        [[ "$word" == *= ]] && compopt -o nospace 2>/dev/null
        ;;
    esac
  done < <(stack __complete -- "\${words[@]:1}" 2>/dev/null)
  return 0
}
complete -F _stack stack
`;

const ZSH = `#compdef stack
# zsh completion for stack. To try it:   source <(stack completion zsh)
# To keep it:                           stack completion zsh > "\${fpath[1]}/_stack"
_stack() {
  local line word
  local -a typed closed closed_text open open_text
  typed=("\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}")
  while IFS= read -r line; do
    word="\${line%%$'\\t'*}"
    case "$word" in
      "") ;;
      :files) _files ;;
      :folders) _files -/ ;;
      :command*)
        words=("\${(@)words[CURRENT + 1 - \${word#:command },-1]}")
        CURRENT="\${word#:command }"
        _normal
        ;;
      *=)
        open+=("$word")
        open_text+=("\${line//$'\\t'/  -- }")
        ;;
      *)
        closed+=("$word")
        closed_text+=("\${line//$'\\t'/  -- }")
        ;;
    esac
  done < <(stack __complete -- "\${(@)typed}" 2>/dev/null)
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
    set -l current (commandline -ct)
    set -l typed (string unescape -- $current 2>/dev/null; or echo -- $current)
    for line in (stack __complete -- $words "$typed" 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path $current
            case :folders
                __fish_complete_directories $current
            case ':command *'
                set -l first (math (count $words) + 2 - (string replace ':command ' '' -- $line))
                set -l command
                test $first -le (count $words); and set command (string escape -- $words[$first..-1])
                complete -C (string join ' ' -- $command $current)
            case '*'
                echo -- $line
        end
    end
end
# fish comes with completions for another program of this name, and would load them at the first Tab
if not string match -q '*/completions/stack.fish' (status filename)
    complete -C 'stack ' >/dev/null
end
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
