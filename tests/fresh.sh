#!/bin/sh
# Tries klab on a fresh machine: a minimal Debian in a temporary folder, with
# nothing but git, make and the network, where the committed state is cloned and
# a command is run.
#
#   tests/fresh.sh [-s SUITE] [-l] [-k] [COMMAND]
#
# SUITE is bookworm and COMMAND 'make check' unless given. With -l the machine
# has a one-line sources.list, else a deb822 file; with -k its folder is kept.
# Needs root and mmdebstrap. The mirror, and what it takes to reach it, come from
# the host's own apt. Mounts live in a namespace that ends with the command.
# Exit code: the command's; 4 if there is no machine to run it in.
set -eu

KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
SUITE=bookworm
ONE_LINE=
KEEP=
TMP=

say() {
	printf 'fresh: %s\n' "$*"
}

fail() {
	say "$*" >&2
	exit 4
}

# shellcheck disable=SC2317
clean_up() {
	if [ -n "$KEEP" ]; then
		say "kept in $TMP/root"
	else
		rm -rf --one-file-system "$TMP"
	fi
}

# The host's Debian sources (release, updates, security), made those of $SUITE.
sources() {
	# shellcheck disable=SC1091
	host=$(. /etc/os-release && echo "$VERSION_CODENAME")
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(REPO_URI) $(CODENAME)' \
		'Created-By: Packages' 'Origin: Debian' 'Component: main' |
		sort -u | while read -r uri suite; do
		part=${suite#"$host"}
		case $part in
		'' | -updates | -security) entry "$uri" "$SUITE$part" ;;
		esac
	done
}

entry() {
	if [ -n "$ONE_LINE" ]; then
		echo "deb $1 $2 main"
	else
		printf '%s\n' 'Types: deb' "URIs: $1" "Suites: $2" \
			'Components: main' "Signed-By: $KEYRING" ''
	fi
}

# What else the host's apt needs to reach the mirror: settings go to apt.conf,
# names of files to stdout.
reach() {
	apt-config dump |
		grep -E '^Acquire::(http|https|Check-|Retries)' \
			>"$TMP/apt.conf" || true
	eval "$(apt-config shell ca Acquire::https::CAInfo)"
	if grep -q https: "$TMP/sources"; then
		: "${ca:=/etc/ssl/certs/ca-certificates.crt}"
	fi
	for file in /etc/apt/auth.conf /etc/apt/auth.conf.d/* "${ca:-}"; do
		[ ! -f "$file" ] || echo "${file#/}"
	done
}

make_machine() {
	sources >"$TMP/sources"
	[ -s "$TMP/sources" ] ||
		fail "no Debian sources in the host's apt; apt-get update?"
	reach >"$TMP/files"
	tar -C / -cf "$TMP/reach.tar" -T "$TMP/files"
	mmdebstrap --quiet --variant=minbase --aptopt="$TMP/apt.conf" \
		--setup-hook="tar -C \"\$1\" -xf $TMP/reach.tar" \
		"$SUITE" "$TMP/root" "$TMP/sources" ||
		fail "mmdebstrap could not make the machine"
	cp /etc/resolv.conf "$TMP/root/etc/"
	git -c safe.directory='*' clone --quiet --bare "$REPO" \
		"$TMP/root/root/klab.git"
}

# Runs command $1 in the machine.
inside() {
	# A mount point of its own, or bubblewrap cannot work in there.
	# shellcheck disable=SC2016
	unshare --mount --pid --fork --kill-child sh -euc '
		mount --bind "$1" "$1"
		mount -t proc proc "$1/proc"
		mount -t sysfs -o ro sysfs "$1/sys"
		mount -t devpts -o newinstance,ptmxmode=0666 devpts "$1/dev/pts"
		mount -t tmpfs tmpfs "$1/dev/shm"
		exec chroot "$1" env -i HOME=/root TERM=dumb LANG=C.UTF-8 \
			PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin \
			sh -euc "$2"
	' sh "$TMP/root" "$1" </dev/null
}

size_mb() {
	du -sm "$TMP/root" | cut -f 1
}

while getopts s:lk option; do
	case $option in
	s) SUITE=$OPTARG ;;
	l) ONE_LINE=yes ;;
	k) KEEP=yes ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
REPO=$(cd "$(dirname "$0")/.." && pwd)
[ "$(id -u)" = 0 ] || fail "a chroot needs root"
command -v mmdebstrap >/dev/null || fail "mmdebstrap is missing; install it"
TMP=$(mktemp -d)
chmod 755 "$TMP"
trap clean_up EXIT
trap 'exit 4' HUP INT TERM

make_machine
inside 'apt-get -qq update
	apt-get -qq install --no-install-recommends git make
	git clone --quiet /root/klab.git /root/klab' >"$TMP/git.log" 2>&1 ||
	fail "no git and make in the machine: $(tail -n 3 "$TMP/git.log")"
say "a minimal $SUITE with git and make, $(size_mb) MB: ${*:-make check}"
code=0
start=$(date +%s)
inside "cd /root/klab; ${*:-make check}" || code=$?
say "exit code $code after $(($(date +%s) - start)) s, $(size_mb) MB"
exit $code
