#!/bin/sh
# setup.sh: makes sure that the system packages Tocha needs are there. On Debian and Ubuntu it installs what is missing, after saying
# so; elsewhere it lists what is needed and stops. Usage: tools/setup.sh [build] [data] [test] (nothing given: build).
set -eu

# a | b: the first that this system's package source has
BUILD='gcc make luajit libluajit-5.1-dev libopenblas-openmp-dev|libopenblas-dev zlib1g-dev libc6-dev libreadline8t64|libreadline8'
DATA='dataset-fashion-mnist'
TEST='lua-busted lua-check luarocks util-linux'

wanted=
for part in "${@:-build}"; do
  case $part in
    build) wanted="$wanted $BUILD" ;;
    data) wanted="$wanted $DATA" ;;
    test) wanted="$wanted $TEST" ;;
    *) echo "setup.sh: unknown part '$part': takes build, data, test" >&2; exit 2 ;;
  esac
done

# ---- systems without dpkg: are the programs and headers there?
has_header() { printf '#include <%s>\n' "$1" | ${CC:-cc} -E -x c - >/dev/null 2>&1; }

list_and_stop() {
  cat >&2 <<'TEXT'
setup.sh: this system's packages are not known here. Tocha needs:
  a C compiler (gcc or clang) and GNU make
  LuaJIT 2.1 with its headers (luajit, lua.h)
  OpenBLAS with cblas.h, better the build that uses OpenMP
  zlib with zlib.h
  for line editing: readline or libedit (optional)
  for the example: the files of Fashion-MNIST (make demo DATA=folder)
  for the tests: busted, luacheck, luarocks
TEXT
  echo "missing here: $1" >&2
  exit 1
}

check_by_hand() {
  missing=
  for program in cc make luajit; do command -v $program >/dev/null 2>&1 || missing="$missing $program"; done
  for header in cblas.h zlib.h; do has_header $header || missing="$missing $header"; done
  case " $* " in *' test '*) command -v busted >/dev/null 2>&1 || missing="$missing busted" ;; esac
  [ -z "$missing" ] || list_and_stop "$missing"
  exit 0
}
if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then check_by_hand "$@"; fi

# ---- Debian, Ubuntu
installed=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' 2>/dev/null | sed -n 's/^ii *//p')
is_installed() { printf '%s\n' "$installed" | grep -qx -- "$1"; }
any_installed() {
  for name in $(echo "$1" | tr '|' ' '); do is_installed "$name" && return 0; done
  return 1
}

missing=
for choice in $wanted; do any_installed "$choice" || missing="$missing $choice"; done
[ -n "$missing" ] || exit 0

root=
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null 2>&1 || { echo "setup.sh: as root, or with sudo, these have to be installed:$missing" >&2; exit 1; }
  root=sudo
fi

export DEBIAN_FRONTEND=noninteractive
echo "Tocha needs system packages that are missing here:$missing"
echo "Asking the package source (${root:+sudo }apt-get update) ..."
$root apt-get update -qq || echo 'setup.sh: apt-get update failed; trying with what is known' >&2

is_known() { [ -n "$(apt-cache show --no-all-versions "$1" 2>/dev/null)" ]; }
chosen= absent=
for choice in $missing; do
  found=
  for name in $(echo "$choice" | tr '|' ' '); do
    if is_known "$name"; then found=$name; break; fi
  done
  if [ -n "$found" ]; then chosen="$chosen $found"; else absent="$absent $choice"; fi
done
[ -z "$absent" ] || echo "setup.sh: not in this system's package source:$absent" >&2
[ -n "$chosen" ] || exit 1
echo "Installing (${root:+sudo }apt-get install):$chosen"
# shellcheck disable=SC2086  # a list of names
$root apt-get install -y -qq --no-install-recommends $chosen
[ -z "$absent" ]
