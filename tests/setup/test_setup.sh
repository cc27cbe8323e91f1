#!/bin/sh
# Scenarios of runner/setup.sh: the real script, with an apt, a dpkg, a QEMU and
# a root of the test's making first in PATH. Prints TAP.
#
# What a scenario sets up is in folder $W: files `missing` (packages that dpkg
# does not have), `qemu` (version of the QEMU that is there), `backports` (QEMU's
# version there; no such file: it cannot be reached), `uid`, `sudo` (it works),
# `install.err` (what apt-get install fails with), `os-release`.
# What setup.sh did is in `out`, `code` and `calls`.
set -u

HERE=$(cd "$(dirname "$0")" && pwd)
SETUP=$HERE/../../runner/setup.sh
TABLE=$HERE/../../configs/packages.txt
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
W=
count=0
failed=0

# ---- the fakes ----

fake() {
	{
		echo '#!/bin/sh'
		cat
	} >"$T/bin/$1"
	chmod +x "$T/bin/$1"
}

make_fakes() {
	# The host's programs, without those that a scenario is about.
	mkdir "$T/bin" "$T/host"
	ln -s /usr/bin/* "$T/host"
	rm -f "$T/host/npm"
	fake id <<'END'
cat "$W/uid"
END
	fake sudo <<'END'
[ -f "$W/sudo" ] || exit 1
[ "$1" = -n ] && exit 0
echo "sudo $*" >>"$W/calls"
exec "$@"
END
	fake dpkg-query <<'END'
shift 3
for name; do
	grep -qx "$name" "$W/missing" || echo "ii  $name"
done
END
	fake qemu-system-x86_64 <<'END'
[ -f "$W/qemu" ] || exit 1
echo "QEMU emulator version $(cat "$W/qemu") (Debian)"
END
	# -c FILE; backports count once setup.sh has pinned them.
	fake apt-cache <<'END'
version=1:7.2+dfsg-7
if grep -q Pin "${2%/*}/preferences" 2>/dev/null && [ -f "$W/backports" ]; then
	version=1:$(cat "$W/backports")+ds-2
fi
printf 'qemu-system-x86:\n  Candidate: %s\n' "$version"
END
	fake apt-get <<'END'
echo "apt-get $*" >>"$W/calls"
case "$*" in
*indextargets*"Codename: bookworm "*) echo http://mirror.invalid/debian/ ;;
*indextargets*) ;;
*update*)
	[ -f "$W/backports" ] || echo 'E: no Release file' >&2
	;;
*--print-uris*)
	echo 'The following NEW packages will be installed:'
	echo '  one two'
	echo 'After this operation, 1,500 kB of additional disk space'
	echo "'http://mirror.invalid/one.deb' one.deb 2000000 x"
	;;
*install*)
	if [ -f "$W/install.err" ]; then
		cat "$W/install.err" >&2
		exit 100
	fi
	case $* in *qemu*) cp "$W/to-be-qemu" "$W/qemu" ;; esac
	;;
esac
END
	# No library is there on the other distribution, unless said so.
	fake pkg-config <<'END'
[ -f "$W/libraries" ]
END
}

# ---- a scenario ----

# A Debian 12 with everything there, run as root.
begin() {
	W=$(mktemp -d "$T/w.XXXXXX")
	mkdir "$W/tmp"
	printf '%s\n' ID=debian VERSION_ID=12 VERSION_CODENAME=bookworm \
		'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"' >"$W/os-release"
	echo 10.0.2 >"$W/qemu"
	echo 10.0.2 >"$W/backports"
	echo 10.0.2 >"$W/to-be-qemu"
	echo 0 >"$W/uid"
	: >"$W/missing"
	: >"$W/calls"
}

run_setup() {
	code=0
	env -i W="$W" TMPDIR="$W/tmp" KLAB_OS_RELEASE="$W/os-release" \
		PATH="$T/bin:$T/host" "$@" sh "$SETUP" \
		>"$W/out" 2>&1 </dev/null || code=$?
}

is() {
	[ "$1" = "$2" ] || why="$why
wanted '$2', got '$1'"
}

has() {
	grep -qe "$2" "$W/$1" || why="$why
no '$2' in $1"
}

has_not() {
	! grep -qe "$2" "$W/$1" || why="$why
'$2' in $1"
}

# Runs test function $1.
try() {
	why=
	begin
	"$1"
	[ -z "$(ls "$W/tmp")" ] || why="$why
files were left behind"
	count=$((count + 1))
	if [ -z "$why" ]; then
		echo "ok $count - $1"
		return
	fi
	failed=$((failed + 1))
	echo "not ok $count - $1"
	{
		echo "$why"
		echo "--- output"
		cat "$W/out"
		echo "--- calls"
		cat "$W/calls"
	} | sed 's/^/# /'
}

# ---- Debian ----

nothing_to_do_is_one_line_without_apt() {
	run_setup
	is "$code" 0
	is "$(wc -l <"$W/out")" 1
	has out 'everything klab needs is installed (QEMU 10.0.2)'
	has_not calls apt-get
}

missing_packages_are_announced_and_installed() {
	printf '%s\n' kmod libuv1-dev >"$W/missing"
	run_setup
	is "$code" 0
	has out '^  build *libuv1-dev$'
	has out '^  run *kmod$'
	has out '2 packages .* 2.0 MB to fetch, about 1.5 MB on disk'
	has calls ' -y --no-install-recommends --no-remove install libuv1-dev kmod'
	has_not calls 'install.* qemu'
}

what_tests_need_is_left_out() {
	printf '%s\n' mandoc chromium >"$W/missing"
	run_setup
	is "$code" 0
	is "$(wc -l <"$W/out")" 1
	has_not calls apt-get
}

what_tests_need_is_installed_for_them() {
	printf '%s\n' kmod mandoc npm >"$W/missing"
	run_setup TESTS=1
	is "$code" 0
	has out '^  run *kmod$'
	has out '^  tests *mandoc npm$'
	has calls 'install kmod mandoc npm$'
}

npm_of_another_origin_is_enough() {
	echo npm >"$W/missing"
	ln -s "$T/bin/id" "$W/npm"
	run_setup TESTS=1 PATH="$T/bin:$T/host:$W"
	is "$code" 0
	has_not calls apt-get
}

make_check_asks_for_what_tests_need() {
	cp "$HERE/../../Makefile" "$W/out"
	has out '^check: setup-tests$'
	make -n -C "$HERE/../.." setup-tests >"$W/out"
	has out 'TESTS=1 sh runner/setup.sh'
}

dry_run_installs_nothing() {
	echo kmod >"$W/missing"
	run_setup DRY=1
	is "$code" 0
	has out '^  run *kmod$'
	is "$(grep install "$W/calls" | grep -vc -e --print-uris)" 0
}

new_qemu_comes_from_backports() {
	echo 7.2.22 >"$W/qemu"
	run_setup
	is "$code" 0
	has out 'QEMU 10.0.2+ds-2 comes from bookworm-backports (bookworm has 7.2'
	has calls 'install qemu-system-x86$'
	has out 'everything klab needs is installed (QEMU 10.0.2)'
	has_not out '1 vCPU only'
}

without_backports_an_older_qemu_is_installed() {
	rm "$W/qemu" "$W/backports"
	echo 7.2.22 >"$W/to-be-qemu"
	run_setup
	is "$code" 0
	has out 'no QEMU 8.1 or later .* from bookworm-backports (no Release file)'
	has calls 'install qemu-system-x86$'
	has out 'QEMU 7.2.22: klab works with 1 vCPU only, because QEMU'
}

without_backports_an_older_qemu_is_left() {
	rm "$W/backports"
	echo 7.2.22 >"$W/qemu"
	run_setup
	is "$code" 0
	has_not calls install
	has out 'QEMU 7.2.22: klab works with 1 vCPU only, because QEMU'
}

newer_debian_needs_no_backports() {
	sed -i 's/12/13/; s/bookworm/trixie/' "$W/os-release"
	rm "$W/backports"
	echo kmod >"$W/missing"
	run_setup
	is "$code" 0
	has calls 'install kmod'
	has_not out backports
}

without_root_and_sudo_it_says_what_to_run() {
	echo 1000 >"$W/uid"
	echo kmod >"$W/missing"
	run_setup
	is "$code" 4
	has out "run 'make setup' as root"
	is "$(grep install "$W/calls" | grep -vc -e --print-uris)" 0
}

without_root_an_older_qemu_is_left() {
	echo 1000 >"$W/uid"
	echo 7.2.22 >"$W/qemu"
	run_setup
	is "$code" 0
	has out 'a later QEMU needs root'
	has out 'QEMU 7.2.22: klab works with 1 vCPU only'
}

sudo_is_used_where_it_asks_nothing() {
	echo 1000 >"$W/uid"
	: >"$W/sudo"
	echo kmod >"$W/missing"
	run_setup
	is "$code" 0
	has calls 'sudo env .*DEBIAN_FRONTEND=noninteractive .*install kmod'
}

# $1: what apt-get says; $2: what setup.sh must say.
apt_fails() {
	echo kmod >"$W/missing"
	echo "$1" >"$W/install.err"
	run_setup
	is "$code" 4
	has out "$2"
	is "$(tail -n 1 "$W/out" | grep -c '^setup: ')" 1
}

lock_held_for_too_long() {
	apt_fails 'E: Unable to acquire the dpkg frontend lock, is another?' \
		'another apt or dpkg kept its lock for 300 s'
}

disk_full() {
	apt_fails "E: You don't have enough free space in /var/cache." \
		'the disk is full'
}

no_network() {
	apt_fails "E: Failed to fetch x  Temporary failure resolving 'y'" \
		"cannot be fetched: no network, or apt's sources"
}

any_other_failure_shows_what_apt_said() {
	apt_fails 'E: Sub-process /usr/bin/dpkg returned an error code (1)' \
		'apt-get failed (Sub-process /usr/bin/dpkg returned'
}

# ---- other distributions ----

other_distribution() {
	printf '%s\n' ID=fedora VERSION_ID=43 'PRETTY_NAME="Fedora Linux 43"' \
		>"$W/os-release"
}

elsewhere_the_needs_are_listed_by_purpose() {
	other_distribution
	run_setup
	is "$code" 4
	has out '^  build *libuv1-dev *missing *event loop'
	has out '^  run *qemu-system-x86 *found *boots the kernels'
	has out 'Fedora Linux 43 is not Debian 12 or later'
	has_not calls apt-get
}

elsewhere_the_tests_needs_are_listed_for_them() {
	other_distribution
	run_setup
	has_not out '^  tests '
	run_setup TESTS=1
	is "$code" 4
	has out '^  tests *npm *missing *fetches axe-core'
}

elsewhere_with_everything_there_it_is_done() {
	other_distribution
	: >"$W/libraries"
	run_setup
	is "$code" 0
	is "$(wc -l <"$W/out")" 1
	has out 'everything klab needs is installed (QEMU 10.0.2)'
}

older_debian_is_another_distribution() {
	sed -i 's/12/11/; s/bookworm/bullseye/' "$W/os-release"
	run_setup
	is "$code" 4
	has out 'is not Debian 12 or later'
}

# ---- the table ----

every_row_is_complete() {
	: >"$W/out"
	is "$(sed -e '/^#/d' -e '/^$/d' "$TABLE" | awk '
		NF < 4 || $3 !~ /^(cmd|lib|hdr|py|file):./' | wc -l)" 0
}

every_library_of_the_makefile_is_in_the_table() {
	: >"$W/out"
	libraries=$(sed -n 's/^PACKAGES = //p' "$HERE/../../Makefile")
	[ -n "$libraries" ] || why='no PACKAGES in the Makefile'
	for name in $libraries; do
		grep -q " lib:$name " "$TABLE" || why="$why
no row for $name"
	done
}

make_fakes
for test in \
	nothing_to_do_is_one_line_without_apt \
	missing_packages_are_announced_and_installed \
	what_tests_need_is_left_out \
	what_tests_need_is_installed_for_them \
	npm_of_another_origin_is_enough \
	make_check_asks_for_what_tests_need \
	dry_run_installs_nothing \
	new_qemu_comes_from_backports \
	without_backports_an_older_qemu_is_installed \
	without_backports_an_older_qemu_is_left \
	newer_debian_needs_no_backports \
	without_root_and_sudo_it_says_what_to_run \
	without_root_an_older_qemu_is_left \
	sudo_is_used_where_it_asks_nothing \
	lock_held_for_too_long \
	disk_full \
	no_network \
	any_other_failure_shows_what_apt_said \
	elsewhere_the_needs_are_listed_by_purpose \
	elsewhere_the_tests_needs_are_listed_for_them \
	elsewhere_with_everything_there_it_is_done \
	older_debian_is_another_distribution \
	every_row_is_complete \
	every_library_of_the_makefile_is_in_the_table; do
	try $test
done
echo "1..$count"
[ $failed = 0 ]
