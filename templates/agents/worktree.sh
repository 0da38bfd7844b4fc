#!/bin/sh
# Has `claude --worktree NAME` work in a ticket: a hook for the events WorktreeCreate and WorktreeRemove (docs/agents.md), which stand in
# the place of git's own making and removing. What stack and git tell goes to stderr; the path alone is on stdout.
set -eu
event=$1
input=$(cat)
# The value of a field, as far as it has no quotes in it: names of worktrees and usual paths have none.
field() { printf '%s' "$input" | sed -n "s/.*\"$1\"[[:space:]]*:[[:space:]]*\"\([^\"]*\)\".*/\1/p" | head -n 1; }
common() { git rev-parse --path-format=absolute --git-common-dir; }

case $event in
WorktreeCreate)
  name=$(field name)
  cd "$(field cwd)"
  git=$(common)
  # The root is sought from there: the worktree may carry a stack.yml of its own.
  main=${git%/.git}
  path=$main/.claude/worktrees/$name
  [ -e "$path/.git" ] || git worktree add --quiet -b "worktree-$name" "$path" >&2
  cd "$path"
  if stack here >/dev/null 2>&1; then stack start --quiet >&2; else stack -C "$main" adopt "$path" --as "$name" --quiet >&2; fi
  printf '%s\n' "$path"
  ;;
WorktreeRemove)
  path=$(field worktree_path)
  # It may have been removed by hand.
  [ -e "$path/.git" ] || exit 0
  cd "$path"
  git=$(common)
  # Its ticket may have gone by itself: only the worktree is left then.
  ticket=$(stack here --json | sed -n 's/.*"ticket"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\1/p' | head -n 1)
  cd "$git"
  # Git keeps what is not committed, and says so.
  [ -z "$ticket" ] || stack destroy "$ticket" --quiet >&2
  git worktree remove "$path" >&2
  ;;
esac
