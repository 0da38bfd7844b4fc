#!/bin/bash
# What a real Mac still has to show, in ten minutes: run it as `bash macos-check.sh`, from anywhere. It works in a folder of its own
# below your home folder, on ports from 18400, starts no engine, asks for no password, and takes everything away again.
# `STACK='npx @stack-tickets/stack' bash macos-check.sh` tries another stack than the one on the PATH.
# Written for the bash 3.2 of macOS. Numbers are those of docs/macos.md.
set -u

STACK=${STACK:-stack}
work=$(mktemp -d "$HOME/stack-check-José.XXXXXX") || exit 1
root=$work/Shop
port=18400
passed=0 failed=0 skipped=0
export NO_COLOR=1
unset STACK_TICKET

stack() { (cd "$root" && $STACK "$@"); }
say() { printf '%-5s %s\n' "$1" "$2"; }
ok() { passed=$((passed + 1)); say ok "$1"; }
not() {
  failed=$((failed + 1))
  say NOT "$1"
  if [ -n "${2:-}" ]; then printf '%s\n' "$2" | tail -n 12 | sed 's/^/        | /'; fi
}
skip() { skipped=$((skipped + 1)); say -- "$1"; }
# check TEXT PATTERN OUTPUT: ok where the output has the pattern.
check() { if printf '%s' "$3" | grep -Eq -e "$2"; then ok "$1"; else not "$1" "$3"; fi; }
# Waits up to $1 seconds until the rest is true.
within() {
  local left=$1
  shift
  while [ "$left" -gt 0 ]; do
    "$@" && return 0
    sleep 1
    left=$((left - 1))
  done
  return 1
}
gone() { ! pgrep -f "$1" >/dev/null; }

finish() {
  trap - EXIT
  trap '' INT TERM
  if [ -e "$root/.stack/state.json" ]; then
    chflags -R nouchg "$work" 2>/dev/null
    stack destroy --force --yes $(stack ps --json 2>/dev/null | grep -o '"ticket": *"[^"]*"' | cut -d'"' -f4 | sort -u) >/dev/null 2>&1
    stack down --volumes --force --yes >/dev/null 2>&1
  fi
  sleep 2
  for pid in $(pgrep -f "$work" 2>/dev/null); do [ "$pid" = $$ ] || kill "$pid" 2>/dev/null; done
  rm -rf "$work" || say NOT "$work could not be deleted: look what holds it"
  echo
  echo "$passed ok, $failed NOT, $skipped not tried. $(sw_vers 2>/dev/null | tr '\n\t' '  ') node $(node --version)"
  [ "$failed" = 0 ]
  exit
}
trap finish EXIT
trap 'exit 130' INT TERM

# --- a product of two repos ---------------------------------------------------------------------

make_repo() {
  mkdir -p "$root/$1" && cd "$root/$1" || exit 1
  git init -q . && git symbolic-ref HEAD refs/heads/main
  cat >server.mjs <<'JS'
import { createServer } from 'node:http';
const { PORT, HOST = '127.0.0.1', DYLD_LIBRARY_PATH = '' } = process.env;
console.log(`dyld=${DYLD_LIBRARY_PATH}`);
createServer((_, answer) => answer.end('here')).listen(Number(PORT) + Number(process.argv[2] ?? 0), HOST);
JS
  printf '.env.local\nbig\n' >.gitignore
  git add . && git -c user.name=Check -c user.email=check@example.invalid commit -q -m Start
}

configure() {
  cat >"$root/stack.yml" <<YAML
name: shop
runtime: process
repos:
  front: { path: ./front, base: main${1:-} }
  api: { path: ./api, base: main, shared: true }
services:
  api:
    repo: api
    command: node server.mjs
    ports: { http: { baseline: $port, from: $((port + 1)), to: $((port + 19)) } }
    env: { PORT: '\${port.http}', HOST: '\${bind}' }
    ready: { http: / }
  front:
    repo: front
    command: node server.mjs ${2:-}
    ports: { http: { from: $((port + 20)), to: $((port + 39)) } }
    env: { PORT: '\${port.http}', HOST: '\${bind}', API_URL: '\${api.url}', DYLD_LIBRARY_PATH: /opt/check/lib }
    ready: { http: /, timeout: 15 }
YAML
}

[ "$(uname)" = Darwin ] || echo 'This is no Mac: what only a Mac has is not tried.'
make_repo front
make_repo api
configure
cd "$root" || exit 1
version=$($STACK --version 2>&1) || { not "stack runs at all ($STACK)" "$version"; exit 1; }
say '' "stack $version in $root"
echo

# --- without a sandbox --------------------------------------------------------------------------

out=$(stack create feat-01 --yes 2>&1) || not 'a ticket is made' "$out"
check 'a ticket is made, and ps says that it runs' 'feat-01 .*running' "$(stack ps 2>&1)"
front=$(stack ps --json | grep -o 'http://localhost:184[23][0-9]' | head -n 1)
check '17 the front answers at localhost and at 127.0.0.1' 'herehere' \
  "$(curl -s "$front/"; curl -s "$(printf '%s' "$front" | sed 's/localhost/127.0.0.1/')/")"
check '13 a service gets DYLD_LIBRARY_PATH' 'dyld=/opt/check/lib' "$(stack logs feat-01 front 2>&1)"
out=$(stack check 2>&1); code=$?
if [ $code = 0 ]; then ok '4 check finds nothing wrong'; else not "4 check finds nothing wrong (it ended with $code)" "$out"; fi
say '' "4 look whether the picture says what was seen, and what was not:"
printf '%s\n' "$out" | sed 's/^/        | /'

configure '' 5000
out=$(stack create feat-02 --yes 2>&1)
check '5 a service on another port than its lease is told so' "listens on [0-9]+, but was given" "$out"
configure

configure ", setup: ['sleep 611']"
stack create feat-03 --yes --quiet >/dev/null 2>&1 &
child=$!
if within 30 pgrep -f 'sleep 611' >/dev/null; then
  for pid in $(pgrep -f "create feat-03"); do kill -9 "$pid" 2>/dev/null; done
  wait $child 2>/dev/null
  if within 20 gone 'sleep 611'; then ok '6 a set-up ends with the create that was killed'; else not '6 a set-up goes on after its create was killed'; fi
else
  not '6 the set-up did not begin'
fi
stack destroy feat-03 --force --yes >/dev/null 2>&1
configure

cat >"$root/front/away.mjs" <<'JS'
import { spawn } from 'node:child_process';
spawn(process.execPath, ['-e', 'setTimeout(() => {}, 613000)'], { detached: true, stdio: 'ignore' }).unref();
await import('./server.mjs');
JS
(cd front && git add . && git -c user.name=Check -c user.email=check@example.invalid commit -q -m Away)
sed "s/node server.mjs $/node away.mjs/" stack.yml >stack.new && mv stack.new stack.yml
out=$(stack create feat-04 --yes 2>&1) || not '7 the ticket is not made' "$out"
out=$(stack destroy feat-04 --yes 2>&1)
if within 10 gone 'setTimeout.*613000'; then
  ok '7 what left its group ends with its ticket'
else
  check '7 what left its group ends with its ticket, or is named' 'node \(pid' "$out"
  pkill -f 'setTimeout.*613000'
fi
configure

began=$(date +%s)
(stack create feat-05 --yes >"$work/5" 2>&1) &
one=$!
(stack create feat-06 --yes >"$work/6" 2>&1) &
wait $one; first=$?
wait $!; second=$?
if [ $first$second = 00 ]; then ok "9 two creates at once ($(($(date +%s) - began)) s)"; else not '9 two creates at once' "$(cat "$work/5" "$work/6")"; fi
stack destroy feat-05 feat-06 --yes >/dev/null 2>&1

/usr/bin/time -p sh -c "cd '$root' && exec $STACK logs -f feat-01" >/dev/null 2>"$work/time" &
logs=$!
sleep 6
for pid in $(pgrep -f 'logs -f feat-01'); do kill -INT "$pid" 2>/dev/null; done
wait $logs 2>/dev/null
say '' "11 six seconds of logs -f took, in seconds of the processor: $(grep -E 'user|sys' "$work/time" | tr '\n' ' ')(together below 2 is well)"

# --- no lsof, no ps -----------------------------------------------------------------------------

# In a group of its own, as what a person starts by hand: who shares a group with stack is taken for its caller.
set -m
(cd "$root/tickets/feat-01/front" && exec sleep 617) &
sleeper=$!
set +m
sleep 1
out=$(stack destroy feat-01 2>&1 </dev/null)
check '3 destroy sees who works in a folder with letters of its own' 'sleep \(pid' "$out"
out=$(cd "$root" && LANG=C LC_ALL=C $STACK destroy feat-01 2>&1 </dev/null)
check '3 the same with LANG=C' 'sleep \(pid' "$out"
node_folder=$(dirname "$(command -v node)")
out=$(cd "$root" && PATH="$node_folder:/usr/bin:/bin" $STACK destroy feat-01 2>&1 </dev/null)
check '2 the same with the PATH of the Dock, without /usr/sbin' 'sleep \(pid' "$out"
if command -v sandbox-exec >/dev/null; then
  without() { # without FILE ARGUMENTS…: stack in a sandbox that forbids a program
    local profile="(version 1)(allow default)(deny process-exec (literal \"$1\"))"
    # No sandbox runs a setuid program, and ps is one, unless it may leave the sandbox.
    [ "$1" = /bin/ps ] || profile="$profile(allow process-exec (literal \"/bin/ps\") (with no-sandbox))"
    shift
    (cd "$root" && sandbox-exec -p "$profile" $STACK "$@" 2>&1 </dev/null)
  }
  out=$(without /usr/sbin/lsof destroy feat-01)
  if [ -d "$root/tickets/feat-01" ]; then check '2 destroy without lsof refuses or asks' 'cannot see' "$out"; else not '2 destroy without lsof went on' "$out"; fi
  kill $sleeper 2>/dev/null
  out=$(without /bin/ps ps)
  check '1 ps in a sandbox without /bin/ps does not say stopped' 'feat-01 .*running' "$out"
  say '' '1 look whether it is said once that processes could not be looked at, and what to do:'
  printf '%s\n' "$out" | sed 's/^/        | /'
  before=$(pgrep -f "$root|server.mjs" | sort | tr '\n' ' ')
  without /bin/ps start feat-01 >/dev/null
  if [ "$before" = "$(pgrep -f "$root|server.mjs" | sort | tr '\n' ' ')" ]; then ok '1 start there starts nothing a second time'; else not '1 start there started something again'; fi
  check '1 doctor there names ps' 'cannot see what runs' "$(without /bin/ps doctor)"
else
  skip '1, 2 a sandbox without ps or lsof (no sandbox-exec)'
fi
kill $sleeper 2>/dev/null
wait $sleeper 2>/dev/null

# --- files --------------------------------------------------------------------------------------

out=$(stack create FEAT-01 --yes 2>&1); code=$?
if [ $code = 2 ]; then ok '18 a name that differs in case alone is refused'; else not "18 a name that differs in case alone is refused (it ended with $code)" "$out"; fi
if [ "$(uname)" = Darwin ]; then
  check '18 the root is one, in whatever case it is named' 'feat-01' "$(cd "$work/SHOP" 2>/dev/null && $STACK ps 2>&1)"
  dd if=/dev/zero of="$root/front/big" bs=1048576 count=600 2>/dev/null
  configure ', copy: [big]'
  free() { df -k "$root" | awk 'NR == 2 { print $4 }'; }
  before=$(free)
  out=$(stack create feat-07 --no-start --yes 2>&1) || not '18 the ticket with a large file is not made' "$out"
  used=$(((before - $(free)) / 1024))
  if [ -f "$root/tickets/feat-07/front/big" ] && [ $used -lt 300 ]; then ok "18 copy: clones, 600 MB took $used MB"; else not "18 copy: clones, but 600 MB took $used MB" "$out"; fi
  configure
  chflags uchg "$root/tickets/feat-07/front/server.mjs"
  stack destroy feat-07 --yes >/dev/null 2>&1
  sleep 4
  check '18 a locked file that stays is named with its cure' 'chflags' "$(stack ps 2>&1)"
  chflags -R nouchg "$root/.stack" "$root/tickets" 2>/dev/null
  rm -rf "$root/.stack/trash"
else
  skip '18 clones, locked files, case-blind disk (no Mac)'
fi
rm -f "$root/front/big"

# --- servers and engine -------------------------------------------------------------------------

stack destroy feat-01 --yes >/dev/null 2>&1
stack down --yes >/dev/null 2>&1
sed "s/^repos:/shared: { postgres: { port: $((port + 50)) } }\\
repos:/" stack.yml >stack.new && mv stack.new stack.yml
say '' '13 Postgres is fetched by npm now, once (55 MB)'
out=$(stack up --yes 2>&1) && stack ps --json | grep -q '"postgres"' && ok '13 Postgres starts without DYLD_LIBRARY_PATH' || not '13 Postgres starts' "$out"
(cd "$root" && LANG=C LC_ALL=C $STACK up --yes) >/dev/null 2>&1
servers=$(pgrep -f "$root/.stack/shared/postgres/data" | wc -l | tr -d ' ')
if [ "$servers" = 1 ]; then ok '3 one Postgres has the data, after an up with LANG=C, too'; else not "3 $servers servers have the data of one Postgres"; fi
stack down --volumes --yes --force >/dev/null 2>&1
say '' '14, 16 what doctor finds with the PATH of the Dock (an engine that runs, docker, lsof, git):'
(cd "$root" && env -i HOME="$HOME" USER="$(id -un)" TMPDIR="${TMPDIR:-/tmp}" PATH="$node_folder:/usr/bin:/bin:/usr/sbin:/sbin" $STACK doctor 2>&1) |
  sed 's/^/        | /'
