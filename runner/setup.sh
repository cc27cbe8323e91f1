#!/bin/sh
# Installs what klab needs: the packages of configs/packages.txt, among them a
# QEMU that brings up several CPUs under the exact clock.
#
#   make setup          (or: sh runner/setup.sh)
#   make setup DRY=1    only says what would be installed
#
# On Debian 12 and later it works through apt, as root or by sudo; on other
# distributions it lists what is needed and which of it is missing. It asks no
# question. apt gets its package lists, and one more source for QEMU, in a
# temporary folder, so the host's own stay as they are.
#
# Exit code: 0 everything is there, 4 something is missing.
# Environment: DRY; KLAB_LOCK_WAIT_S, how long to wait for another apt (300);
# KLAB_OS_RELEASE, for the tests (/etc/os-release).
set -u
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin

TABLE=$(dirname "$0")/../configs/packages.txt
OS_RELEASE=${KLAB_OS_RELEASE:-/etc/os-release}
PYTHON=${PYTHON:-/usr/bin/python3}
DRY=${DRY:-}
LOCK_WAIT_S=${KLAB_LOCK_WAIT_S:-300}
TMP=      # apt's private folder
AS_ROOT=  # nothing, or sudo

say() {
	printf 'setup: %s\n' "$*"
}

fail() {
	say "$*" >&2
	exit 4
}

# Rows of the table: purpose, package, found by, what for.
rows() {
	sed -e '/^#/d' -e '/^$/d' "$TABLE"
}

# Value of key $1 of os-release, or nothing.
os() {
	# shellcheck disable=SC1090
	(. "$OS_RELEASE" 2>/dev/null && eval "printf '%s' \"\${$1:-}\"")
}

# ---- QEMU ----

qemu_version() {
	qemu-system-x86_64 --version 2>/dev/null |
		sed -n 's/^QEMU emulator version \([0-9.]*\).*/\1/p'
}

# Is version $1 (as 8.1 or 10.0.2+ds-2) at least 8.1?
several_cpus() {
	printf '%s\n' "$1" |
		awk -F '[^0-9]+' '{ exit !($1 > 8 || $1 == 8 && $2 >= 1) }'
}

say_one_cpu() {
	say "QEMU $(qemu_version): klab works with 1 vCPU only, because QEMU" \
		"before 8.1 never brings up a second CPU under the exact clock"
}

say_done() {
	say "everything klab needs is installed (QEMU $(qemu_version))"
	several_cpus "$(qemu_version)" || say_one_cpu
}

# ---- Debian: what is there ----

# Packages of the table that dpkg does not have; QEMU goes by its version.
missing_packages() {
	names=$(rows | awk '$2 !~ /^qemu-/ { print $2 }')
	# shellcheck disable=SC2016,SC2086
	have=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' $names \
		2>/dev/null | awk '/^.i/ { printf " %s ", $2 }')
	for name in $names; do
		case $have in
		*" $name "*) ;;
		*) printf '%s ' "$name" ;;
		esac
	done
}

# ---- Debian: apt in a folder of its own ----

apt_start() {
	TMP=$(mktemp -d) || fail "no temporary folder: disk full?"
	trap '$AS_ROOT rm -rf "$TMP"' EXIT
	trap 'exit 4' HUP INT TERM
	chmod 755 "$TMP" # apt downloads as a user of its own
	mkdir -p "$TMP/sources" "$TMP/lists/partial"
	: >"$TMP/err.install"
	: >"$TMP/log"
	# The host's sources; and its lists, which need not be fetched again.
	{
		cat /etc/apt/sources.list >"$TMP/sources/main.list"
		cp /etc/apt/sources.list.d/*.list "$TMP/sources"
		cp /etc/apt/sources.list.d/*.sources "$TMP/sources"
		find /var/lib/apt/lists -maxdepth 1 -name '*_*' \
			-exec cp -p {} "$TMP/lists" \;
	} 2>/dev/null
	cat >"$TMP/apt.conf" <<-END
		Dir::Etc::sourcelist "/dev/null";
		Dir::Etc::sourceparts "$TMP/sources";
		Dir::State::lists "$TMP/lists";
		Dir::Cache::pkgcache "$TMP/pkgcache.bin";
		Dir::Cache::srcpkgcache "$TMP/srcpkgcache.bin";
		Acquire::Languages "none";
		DPkg::Lock::Timeout "$LOCK_WAIT_S";
		Dpkg::Use-Pty "0";
		Dpkg::Options { "--force-confdef"; "--force-confold"; };
	END
}

apt_update() {
	apt-get -c "$TMP/apt.conf" -qq update >"$TMP/err.update" 2>&1
}

# apt-get install $@, with nothing asked and nothing of the user's removed.
apt_install() {
	$AS_ROOT env LC_ALL=C DEBIAN_FRONTEND=noninteractive \
		NEEDRESTART_MODE=l APT_LISTCHANGES_FRONTEND=none \
		${http_proxy:+http_proxy="$http_proxy"} \
		${https_proxy:+https_proxy="$https_proxy"} \
		apt-get -c "$TMP/apt.conf" -q -y --no-install-recommends --no-remove install "$@" \
		</dev/null 2>"$TMP/err.install"
}

# Version of QEMU that apt would install from release $1, or by itself.
apt_qemu() {
	apt-cache -c "$TMP/apt.conf" ${1:+-o APT::Default-Release="$1"} \
		policy qemu-system-x86 2>/dev/null |
		sed -n 's/^ *Candidate: \([0-9]*:\)\{0,1\}\([0-9].*\)/\2/p'
}

# Field $3 of suite $2 of origin $1, if apt has its list.
apt_suite() {
	apt-get -c "$TMP/apt.conf" indextargets --format "\$($3)" \
		'Created-By: Packages' "Origin: $1" "Codename: $2" \
		'Component: main' 2>/dev/null | head -n 1
}

# Makes suite $1-backports known to apt, from the mirror that serves $1.
apt_add_backports() {
	if [ -n "$(apt_suite 'Debian Backports' "$1-backports" URI)" ]; then
		return
	fi
	mirror=$(apt_suite Debian "$1" REPO_URI)
	[ -n "$mirror" ] || return 1
	echo "deb $mirror $1-backports main" >"$TMP/sources/backports.list"
	apt_update
}

# First complaint in files err.$1, err.$2.
apt_said() {
	sed -n 's/^[EW]: *//p' "$TMP/err.$1" "$TMP/err.$2" | head -n 1
}

# One sentence for what went wrong with apt, and out.
fail_apt() {
	said=$(apt_said install update)
	case $(cat "$TMP/err.install") in
	*"get lock"* | *"frontend lock"* | *"dpkg status database is locked"*)
		fail "another apt or dpkg kept its lock for $LOCK_WAIT_S s;" \
			"run this again when it is done ($said)" ;;
	*"free space"* | *"No space left"*)
		fail "the disk is full; make room and run this again" \
			"($said)" ;;
	*"dpkg was interrupted"*)
		fail "an earlier installation was cut short; run" \
			"'dpkg --configure -a' as root, then this again" ;;
	*resolv* | *onnect* | *"ailed to fetch"* | *"to locate"* | \
		*"no installation candidate"*)
		fail "the packages cannot be fetched: no network, or apt's" \
			"sources do not have them" \
			"($(apt_said update install))" ;;
	*)
		cat "$TMP/log" "$TMP/err.install" >&2
		fail "apt-get failed ($said); its output is above" ;;
	esac
}

# ---- Debian: what to install ----

# Writes what installing $2... would fetch to plan.$1.
apt_plan() {
	plan=$TMP/plan.$1
	shift
	apt_install --print-uris "$@" >"$plan"
}

# Sets qemu to apt-get's arguments for a QEMU with several CPUs; where none is
# to be had, for an older one, or to nothing if that is there already.
choose_qemu() {
	suite=$(os VERSION_CODENAME)
	backports=$suite-backports
	qemu="qemu-system-x86"
	if several_cpus "$(apt_qemu)"; then
		apt_plan qemu "$qemu" || fail_apt
		return
	fi
	if apt_add_backports "$suite" &&
		several_cpus "$(apt_qemu "$backports")" &&
		apt_plan qemu -t "$backports" qemu-system-x86; then
		qemu="-t $backports qemu-system-x86"
		say "QEMU $(apt_qemu "$backports") comes from $backports" \
			"($suite has $(apt_qemu)), for this once: your apt" \
			"sources stay as they are"
		return
	fi
	say "no QEMU 8.1 or later to be had from $backports" \
		"($(apt_said update install))"
	if [ -n "$(qemu_version)" ]; then
		qemu=
		rm -f "$TMP/plan.qemu"
	else
		apt_plan qemu "$qemu" || fail_apt
	fi
}

# Says what is to be installed, by purpose, and how much that is.
announce() {
	say "to install, by purpose:"
	rows | awk -v wanted=" $missing ${qemu:+qemu-system-x86} " '
		index(wanted, " " $2 " ") {
			if (!($1 in list))
				purpose[++n] = $1
			list[$1] = list[$1] " " $2
		}
		END {
			for (i = 1; i <= n; i++)
				printf "  %-9s%s\n", purpose[i], list[purpose[i]]
		}'
	awk '
		/^\047/ && !seen[$2]++ { files++; fetch += $3 / 1e6 }
		/^After this operation/ {
			sub(",", "", $4)
			disk += $4 * ($5 == "GB" ? 1e3 : $5 == "kB" ? 1e-3 : 1)
		}
		END {
			printf "setup: %d packages with those they need;", files
			printf " %.1f MB to fetch, about %.1f MB on disk\n",
				fetch, disk
		}' "$TMP"/plan.*
}

# Sets AS_ROOT; fails where that is not to be had.
become_root() {
	if [ "$(id -u)" = 0 ]; then
		return 0
	fi
	AS_ROOT=sudo
	sudo -n true 2>/dev/null || { [ -t 0 ] && sudo true; }
}

# Boils apt's output down to a line now and then; all of it goes to the log.
progress() {
	fetched=0 unpacked=0 ready=0
	while read -r line; do
		printf '%s\n' "$line" >>"$TMP/log"
		case $line in
		Get:*) fetched=$((fetched + 1)) ;;
		Unpacking*) unpacked=$((unpacked + 1)) ;;
		Setting\ up*) ready=$((ready + 1)) ;;
		Waiting*) say "$line" && continue ;;
		*) continue ;;
		esac
		if [ $(((fetched + unpacked + ready) % 50)) = 0 ]; then
			say "$fetched fetched, $unpacked unpacked, $ready ready"
		fi
	done
}

install_all() {
	if ! become_root; then
		AS_ROOT=
		if [ -z "$missing" ] && [ -n "$(qemu_version)" ]; then
			say "a later QEMU needs root; going on without"
			return
		fi
		fail "installing needs root, and sudo is not there or needs" \
			"a password; run 'make setup' as root"
	fi
	{
		# shellcheck disable=SC2086
		{ [ -z "$missing" ] || apt_install $missing; } &&
			{ [ -z "$qemu" ] || apt_install $qemu; }
		echo $? >"$TMP/status"
	} | progress
	[ "$(cat "$TMP/status")" = 0 ] || fail_apt
}

setup_debian() {
	missing=$(missing_packages)
	qemu=
	if [ -z "$missing" ] && several_cpus "$(qemu_version)"; then
		say_done
		return
	fi
	apt_start
	apt_update
	# shellcheck disable=SC2086
	[ -z "$missing" ] || apt_plan packages $missing || fail_apt
	several_cpus "$(qemu_version)" || choose_qemu
	if [ -z "$missing$qemu" ]; then
		say_done
		return
	fi
	announce
	if [ -z "$DRY" ]; then
		install_all
		say_done
	fi
}

# ---- other distributions ----

# Is the thing that column "found by" names there?
found() {
	what=${1#*:}
	case $1 in
	cmd:*) command -v "$what" ;;
	file:*) [ -e "$what" ] ;;
	lib:*) pkg-config --exists "$what" ;;
	hdr:*) echo "#include <$what>" | gcc -E - ;;
	py:*) "$PYTHON" -c "import importlib.util as u, sys
sys.exit(u.find_spec('$what') is None)" ;;
	esac >/dev/null 2>&1 </dev/null
}

list_needs() {
	rows | while read -r purpose package probe why; do
		found "$probe" && is=found || is=missing
		printf '  %-9s %-23s %-8s %s\n' \
			"$purpose" "$package" "$is" "$why"
	done
}

setup_elsewhere() {
	needs=$(list_needs)
	case $needs in
	*" missing "*) ;;
	*)
		say_done
		return
		;;
	esac
	say "klab needs, by purpose and by Debian's names:"
	printf '%s\n' "$needs"
	fail "$(os PRETTY_NAME) is not Debian 12 or later, the only system on" \
		"which this installs by itself; install what is missing above" \
		"and run it again"
}

is_debian() {
	version=$(os VERSION_ID) # testing and unstable have none
	[ "$(os ID)" = debian ] && [ "${version:-99}" -ge 12 ]
}

if is_debian; then
	setup_debian
else
	setup_elsewhere
fi
