#!/bin/sh
# Installs what klab needs: the packages of configs/packages.txt, among them a
# QEMU that brings up several CPUs under the exact clock.
#
#   make setup            (or: sh runner/setup.sh)
#   make setup TESTS=1    also what the tests need, a browser among it
#   make setup DRY=1      only says what would be installed
#
# On Debian 12 and later it works through apt, as root or by sudo; on other
# distributions it lists what is needed and which of it is missing. It asks no
# question. apt gets its package lists, and one more source for QEMU, in a
# temporary folder, so the host's own stay as they are.
#
# Exit code: 0 everything is there, 4 something is missing.
# Environment: DRY; TESTS; KLAB_LOCK_WAIT_S, how long to wait for another apt
# (300); KLAB_OS_RELEASE, for the tests (/etc/os-release).
set -u
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin

TABLE=$(dirname "$0")/../configs/packages.txt
OS_RELEASE=${KLAB_OS_RELEASE:-/etc/os-release}
PYTHON=${PYTHON:-/usr/bin/python3}
DRY=${DRY:-}
TESTS=${TESTS:-}
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

# Rows of the table: purpose, package, found by, what for; those of the tests
# where they are asked for.
rows() {
	awk -v tests="$TESTS" '
		!/^#/ && NF && (tests != "" || $1 != "tests")' "$TABLE"
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

# Packages of the table that dpkg does not have. QEMU goes by its version, npm by
# its command: Debian's cannot be installed beside a Node.js of another origin.
missing_packages() {
	names=$(rows | awk '$2 !~ /^qemu-/ { print $2 }')
	# shellcheck disable=SC2016,SC2086
	have=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' $names \
		2>/dev/null | awk '/^.i/ { printf " %s ", $2 }')
	for name in $names; do
		case $have in
		*" $name "*) ;;
		*)
			[ "$name" = npm ] && command -v npm >/dev/null ||
				printf '%s ' "$name"
			;;
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
	# The host's settings; and its lists, which need not be fetched again.
	{
		cat /etc/apt/preferences >"$TMP/preferences"
		cat /etc/apt/sources.list >"$TMP/sources/main.list"
		cp /etc/apt/sources.list.d/*.list "$TMP/sources"
		cp /etc/apt/sources.list.d/*.sources "$TMP/sources"
		find /var/lib/apt/lists -maxdepth 1 -name '*_*' \
			-exec cp -p {} "$TMP/lists" \;
	} 2>/dev/null
	cat >"$TMP/apt.conf" <<-END
		Dir::Etc::sourcelist "/dev/null";
		Dir::Etc::sourceparts "$TMP/sources";
		Dir::Etc::preferences "$TMP/preferences";
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
		apt-get -c "$TMP/apt.conf" -q -y --no-install-recommends \
		--no-remove install "$@" </dev/null 2>"$TMP/err.install"
}

# Version of QEMU that apt would install.
apt_qemu() {
	apt-cache -c "$TMP/apt.conf" policy qemu-system-x86 2>/dev/null |
		sed -n 's/^ *Candidate: \([0-9]*:\)\{0,1\}\([0-9].*\)/\2/p'
}

# Field $3 of suite $2 of origin $1, if apt has its list.
apt_suite() {
	apt-get -c "$TMP/apt.conf" indextargets --format "\$($3)" \
		'Created-By: Packages' "Origin: $1" "Codename: $2" \
		'Component: main' 2>/dev/null | head -n 1
}

# Lets apt take QEMU, and no other package, from suite $1-backports of the mirror
# that serves $1.
apt_add_backports() {
	if [ -z "$(apt_suite 'Debian Backports' "$1-backports" URI)" ]; then
		mirror=$(apt_suite Debian "$1" REPO_URI)
		[ -n "$mirror" ] || return 1
		echo "deb $mirror $1-backports main" \
			>"$TMP/sources/klab-backports.list"
		apt_update
	fi
	cat >>"$TMP/preferences" <<-END

		Package: src:qemu src:seabios
		Pin: release n=$1-backports
		Pin-Priority: 990
	END
}

apt_drop_backports() {
	rm -f "$TMP/sources/klab-backports.list" "$TMP/preferences"
}

# First complaint in files err.$1, err.$2.
apt_said() {
	line=$(sed -n 's/^[EW]: *//p' "$TMP/err.$1" "$TMP/err.$2" | head -n 1)
	printf '%s' "${line:-apt said nothing; is the disk of $TMP full?}"
}

# One sentence for what went wrong with apt, and out.
fail_apt() {
	said=$(apt_said install update)
	text=$(cat "$TMP/err.install")
	case $text in
	*"to locate"* | *"no installation candidate"*)
		said=$(apt_said update install)
		text=$text$(cat "$TMP/err.update")
		;;
	esac
	case $text in
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
			"sources do not have them ($said)" ;;
	*)
		cat "$TMP/log" "$TMP/err.install" >&2
		fail "apt-get failed ($said); its output is above" ;;
	esac
}

# ---- Debian: what to install ----

# Finds out what apt would do to install what is missing and QEMU.
apt_plan() {
	# shellcheck disable=SC2086
	apt_install --print-uris $missing $qemu >"$TMP/plan"
}

# Sets qemu to the package, and makes apt choose one that is new enough; where
# none is to be had, sets it to nothing if an older one is there already.
choose_qemu() {
	suite=$(os VERSION_CODENAME)
	own=$(apt_qemu)
	qemu="qemu-system-x86"
	if several_cpus "$own"; then
		return
	fi
	if apt_add_backports "$suite" && several_cpus "$(apt_qemu)" &&
		apt_plan; then
		say "QEMU $(apt_qemu) comes from $suite-backports ($suite has" \
			"$own), for this once: your apt sources stay as they are"
		return
	fi
	say "no QEMU 8.1 or later to be had from $suite-backports" \
		"($(apt_said update install))"
	apt_drop_backports
	if [ -n "$(qemu_version)" ]; then
		qemu=
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
		/^The following (NEW )?packages will be (installed|upgraded):/ {
			listed = 1
			next
		}
		/^[^ ]/ { listed = 0 }
		listed {
			for (i = 1; i <= NF; i++)
				packages += !named[$i]++
		}
		/^\047/ && !seen[$2]++ { fetch += $3 / 1e6 }
		/^After this operation/ {
			sub(",", "", $4)
			disk += $4 * ($5 == "GB" ? 1e3 : $5 == "kB" ? 1e-3 : 1)
		}
		END {
			printf "setup: %d packages with those they need; ",
				packages
			printf "%.1f MB to fetch, about %.1f MB on disk\n",
				fetch, disk
		}' "$TMP/plan"
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
	fetched=0 unpacked=0 ready=0 waiting=
	while read -r line; do
		printf '%s\n' "$line" >>"$TMP/log"
		case $line in
		Get:*) fetched=$((fetched + 1)) ;;
		Unpacking*) unpacked=$((unpacked + 1)) ;;
		Setting\ up*) ready=$((ready + 1)) ;;
		Waiting*)
			[ -n "$waiting" ] || say "$line"
			waiting=yes
			continue
			;;
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
		apt_install $missing $qemu
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
	several_cpus "$(qemu_version)" || choose_qemu
	if [ -z "$missing$qemu" ]; then
		say_done
		return
	fi
	apt_plan || fail_apt
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
