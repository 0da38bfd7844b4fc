# shellcheck shell=bash
# The engine's images, made without a registry; sourced by ../engine, which gives $dir, $here, say, die.
#
# An image is a folder of files (busybox, programs and the libraries `ldd` names for them) put into
# the engine with `docker import`, then the Dockerfile beside this file, which sets what import
# cannot. It is made again only when something it was made from has changed.

label=dev.stack.engine.inputs

make_images() {
  fetch_packages busybox
  fetch_packages postgres
  fetch_packages redis
  make_image node node:22-alpine
  make_image postgres postgres:16-alpine
  make_image redis redis:7-alpine
}

# Makes the image NAME as TAG and as stack-test/NAME, unless both are there: make_image NAME TAG
make_image() {
  local name=$1 tag=$2 inputs root id old
  inputs=$(inputs_of "$name")
  has_image "$tag" "$inputs" && has_image "stack-test/$name" "$inputs" && return
  say "making the image $tag"
  old=$(docker image inspect --format '{{.Id}}' "$tag" 2>/dev/null || true)
  root=$dir/rootfs/$name
  rm -rf "$root"
  lay_base "$root"
  "lay_$name" "$root"
  id=$(tar -C "$root" --numeric-owner -c . | docker import -)
  docker build --quiet --build-arg "ROOTFS=$id" --label "$label=$inputs" \
    --tag "$tag" --tag "stack-test/$name" "$here/images/$name" >"$dir/build.log" 2>&1 || { tail -n 15 "$dir/build.log" >&2; die "could not build $tag"; }
  rm -rf "$root"
  # Stays when a container or another image needs it.
  [ -z "$old" ] || docker image rm "$old" >/dev/null 2>&1 || true
}

has_image() { [ "$(docker image inspect --format "{{index .Config.Labels \"$label\"}}" "$1" 2>/dev/null)" = "$2" ]; }

inputs_of() {
  local npm
  npm=$(npm_folder)
  {
    cat "$here/images/rootfs.sh" "$here/images/$1"/* "$dir/packages/busybox/list"
    case $1 in
      node) stat -Lc '%n %s %Y' "$(command -v node)" "$npm/package.json" "$(command -v git)" ;;
      *) cat "$dir/packages/$1/list" ;;
    esac
  } | sha256sum | cut -d ' ' -f 1
}

# --- Debian packages, unpacked into a folder: nothing of this machine changes ----------------------

packages_of() {
  case $1 in
    busybox) echo busybox-static ;;
    # Debian's `postgresql` stands for postgresql-15, and that needs postgresql-client-15.
    postgres) apt-cache depends postgresql | sed -n 's/^ *Depends: postgresql-\([0-9]*\)$/postgresql-\1 postgresql-client-\1/p' && echo tzdata ;;
    redis) echo redis-server redis-tools ;;
  esac
}

# Unpacks the packages of NAME and the libraries they need into packages/NAME, once.
fetch_packages() {
  local target=$dir/packages/$1 packages deb
  [ ! -e "$target/list" ] || return 0
  refresh_package_lists
  packages=$(packages_of "$1")
  say "downloading" $packages
  rm -rf "$target"
  mkdir -p "$target/debs" "$target/root"
  (cd "$target/debs" && apt download $(with_libraries $packages)) || die "apt-get could not download:" $packages
  for deb in "$target"/debs/*.deb; do dpkg -x "$deb" "$target/root"; done
  (cd "$target/debs" && ls) >"$target/list.new"
  rm -rf "$target/debs"
  mv "$target/list.new" "$target/list"
}

# The packages and all library packages below them, less libc (this machine's serves every image)
# and LLVM (100 MB for PostgreSQL's optional JIT).
with_libraries() {
  local all= todo="$*"
  while [ -n "$todo" ]; do
    all="$all $todo"
    todo=$(apt-cache depends --important $todo | sed -nE 's/^ *\|?(Pre)?Depends: ((lib|lua)[^ ]*)$/\2/p' |
      sort -u | grep -vE '^(libc6|libllvm.*)$' | grep -vxF -f <(printf '%s\n' $all) || true)
  done
  echo $all
}

# --- files of an image -------------------------------------------------------------------------

# What every image has: a shell and tools, root, names resolved by files and DNS.
lay_base() {
  local root=$1 applet lib
  mkdir -p "$root"/{bin,dev,etc/ssl/certs,home,lib,proc,root,run,sbin,sys,tmp,usr/bin,usr/local/bin,var/tmp}
  chmod 1777 "$root/tmp" "$root/var/tmp"
  ln -s ../run "$root/var/run"
  cp "$dir/packages/busybox/root/bin/busybox" "$root/bin/busybox"
  for applet in $("$root/bin/busybox" --list); do
    [ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"
  done
  ln -s /bin/env "$root/usr/bin/env"
  echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
  echo 'root:x:0:' >"$root/etc/group"
  printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$root/etc/nsswitch.conf"
  [ ! -e /etc/ssl/certs/ca-certificates.crt ] || cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  mkdir -p "$root/usr/lib/locale"
  cp -a /usr/lib/locale/C.utf8 "$root/usr/lib/locale/"
  copy_programs "$root" /bin "$(command -v setpriv)" "$(command -v dash)"
  # Debian's busybox sh runs its own applets before programs of the same name in PATH.
  ln -sf dash "$root/bin/sh"
  for lib in librt libdl libpthread libresolv libnss_dns libnss_files; do
    copy_library "$root" "$(find_library $lib)"
  done
}

lay_node() {
  local root=$1 npm
  npm=$(npm_folder)
  copy_programs "$root" /usr/local/bin "$(command -v node)"
  mkdir -p "$root/usr/local/lib/node_modules" "$root/usr/share"
  cp -a "$npm" "$root/usr/local/lib/node_modules/npm"
  rm -rf "$root/usr/local/lib/node_modules/npm"/{docs,man,npmrc}
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$root/usr/local/bin/npx"
  copy_programs "$root" /usr/bin "$(command -v git)"
  cp -a "$(git --exec-path)" "$root/usr/lib/git-core"
  rm -f "$root"/usr/lib/git-core/git-{remote-http,remote-https,remote-ftp,remote-ftps,http-fetch,http-push,imap-send}
  cp -a /usr/share/git-core "$root/usr/share/git-core"
  add_user "$root" node 1000 /home/node
}

lay_postgres() {
  local root=$1 from=$dir/packages/postgres/root home
  home=$(cd "$from" && echo usr/lib/postgresql/*)
  mkdir -p "$root/$home" "$root/usr/share" "$root"/{docker-entrypoint-initdb.d,run/postgresql,var/lib/postgresql/data}
  cp -a "$from/$home/lib" "$root/$home/lib"
  rm -rf "$root/$home/lib"/{bitcode,llvmjit*}
  cp -a "$from/usr/share/postgresql" "$from/usr/share/zoneinfo" "$root/usr/share/"
  echo "listen_addresses = '*'" >>"$(echo "$root"/usr/share/postgresql/*/postgresql.conf.sample)"
  copy_programs "$root" "/$home/bin" "$from/$home/bin"/*
  copy_libraries "$root" "$root/$home/lib"/*.so
  ln -s "/$home/bin"/* "$root/usr/local/bin/" 2>/dev/null || true
  add_user "$root" postgres 70 /var/lib/postgresql
  chown -R 70:70 "$root/var/lib/postgresql" "$root/run/postgresql"
  chmod 3777 "$root/run/postgresql"
}

lay_redis() {
  local root=$1 from=$dir/packages/redis/root
  copy_programs "$root" /usr/local/bin "$from/usr/bin/redis-check-rdb" "$from/usr/bin/redis-cli"
  ln -s redis-check-rdb "$root/usr/local/bin/redis-server"
  add_user "$root" redis 999 /data
}

npm_folder() { dirname "$(dirname "$(readlink -f "$(command -v npm)")")"; }

# add_user ROOT NAME ID HOME
add_user() {
  echo "$2:x:$3:$3:$2:$4:/bin/sh" >>"$1/etc/passwd"
  echo "$2:x:$3:" >>"$1/etc/group"
  mkdir -p "$1$4"
  chown "$3:$3" "$1$4"
}

# copy_programs ROOT FOLDER PROGRAM…
copy_programs() {
  local root=$1 folder=$2
  shift 2
  mkdir -p "$root$folder"
  cp -L --remove-destination "$@" "$root$folder/" # busybox has a link of the same name for some
  copy_libraries "$root" "$@"
}

# Copies what FILE… are linked with. Libraries go into /lib, where the loader looks unasked; the loader
# itself goes to the path that is written into the programs: copy_libraries ROOT FILE…
copy_libraries() {
  local root=$1 found loader lib
  shift
  found=$(LD_LIBRARY_PATH=$(library_path) ldd "$@" 2>/dev/null) || true
  ! grep -q 'not found' <<<"$found" || die "libraries are missing for $*:" $(grep 'not found' <<<"$found" | sort -u)
  for loader in $(sed -nE 's/^\s+(\/\S+) \(0x.*/\1/p' <<<"$found" | sort -u); do
    mkdir -p "$root$(dirname "$loader")"
    cp -L "$loader" "$root$loader"
  done
  for lib in $(sed -nE 's/.* => (\/\S+) .*/\1/p' <<<"$found" | sort -u); do copy_library "$root" "$lib"; done
}

copy_library() { [ -z "$2" ] || [ -e "$1/lib/$(basename "$2")" ] || cp -L "$2" "$1/lib/"; }

find_library() { /sbin/ldconfig -p | sed -nE "s/^\s+$1\.so\.[0-9]+ .* => (\S+)$/\1/p" | head -n 1; }

library_path() {
  local folder path=
  for folder in "$dir"/packages/*/root/{usr/,}lib/*-linux-*; do
    [ ! -d "$folder" ] || path=$path:$folder
  done
  echo "${path#:}"
}
