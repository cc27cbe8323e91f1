#!/bin/sh
# Makes the disk of the box: a small Debian with sshd, kexec-tools and GRUB.
#
#   make_box.sh DIR SUITE
#
# DIR gets disk.img (ext4, no partitions), grub.lkrn (GRUB in a form that QEMU's
# -kernel starts; it reads the disk's own menu, so the box starts what a machine
# with a boot loader would), id_ed25519 (root's key) and id_ed25519.pub.  The
# packages come from where the host's apt has its own.  Needs mmdebstrap,
# e2fsprogs and ssh-keygen, and fakeroot where the user is not root.
set -eu

DIR=$1
SUITE=$2
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
HERE=$(cd "$(dirname "$0")" && pwd)
export HERE
PACKAGES=sysvinit-core,openssh-server,kexec-tools,kmod,udev,procps,iproute2
PACKAGES=$PACKAGES,linux-image-cloud-amd64,initramfs-tools,grub2-common
PACKAGES=$PACKAGES,grub-pc-bin

if [ "$(id -u)" != 0 ] && [ -z "${FAKEROOTKEY:-}" ]; then
	as_root=fakeroot
else
	as_root=
fi

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
		'' | -updates | -security)
			echo "deb [signed-by=$KEYRING] $uri $SUITE$part main"
			;;
		esac
	done
}

# What the host's apt needs to reach its mirror.
reach() {
	apt-config dump | grep -E '^Acquire::(http|https|Check-|Retries)' || true
}

mkdir -p "$DIR"
[ -f "$DIR/id_ed25519" ] ||
	ssh-keygen -q -t ed25519 -N '' -C klab-test -f "$DIR/id_ed25519"
sources >"$DIR/sources"
if [ -s "$DIR/sources" ]; then
	set -- "$DIR/sources"
else
	# apt has no lists just now: then its own files, whatever they name.
	set --
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian*.list \
		/etc/apt/sources.list.d/debian*.sources; do
		[ ! -f "$file" ] || set -- "$@" "$file"
	done
fi
reach >"$DIR/apt.conf"
# shellcheck disable=SC2016
mmdebstrap --quiet --variant=minbase --aptopt="$DIR/apt.conf" \
	--dpkgopt='path-exclude=/usr/share/doc/*' \
	--dpkgopt='path-exclude=/usr/share/man/*' \
	--dpkgopt='path-exclude=/usr/share/locale/*' \
	--include="$PACKAGES" \
	--essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d"
		echo MODULES=list >"$1/etc/initramfs-tools/conf.d/box"
		echo COMPRESS=gzip >>"$1/etc/initramfs-tools/conf.d/box"
		printf "%s\n" virtio_pci virtio_blk virtio_net ext4 \
			>"$1/etc/initramfs-tools/modules"
		for at in hooks scripts/init-top scripts/init-bottom; do
			mkdir -p "$1/etc/initramfs-tools/$at"
			cp "$HERE/box/nothing" "$1/etc/initramfs-tools/$at/udev"
		done
		cp "$HERE/box/move-dev" \
			"$1/etc/initramfs-tools/scripts/init-bottom/udev"
		chmod 755 "$1"/etc/initramfs-tools/*/udev \
			"$1"/etc/initramfs-tools/scripts/*/udev' \
	--customize-hook="copy-in $HERE/box/rc.box $HERE/box/inittab /etc" \
	--customize-hook='mkdir -p -m 700 "$1/root/.ssh" "$1/boot/grub"' \
	--customize-hook="copy-in $HERE/box/grub.cfg /boot/grub" \
	--customize-hook="upload $DIR/id_ed25519.pub /root/.ssh/authorized_keys" \
	--customize-hook='set -e
		chmod 755 "$1/etc/rc.box"
		echo "/dev/vda / ext4 defaults 0 0" >"$1/etc/fstab"
		echo box >"$1/etc/hostname"
		chown -R 0:0 "$1/root" "$1/etc/rc.box" "$1/etc/inittab" "$1/boot"
		chroot "$1" update-initramfs -u
		chroot "$1" grub-editenv /boot/grub/grubenv create
		chroot "$1" grub-mkimage -O i386-pc -p "(hd0)/boot/grub" \
			-o /tmp/core.img biosdisk ext2 linux normal loadenv \
			configfile echo test serial terminal
		cat "$1/usr/lib/grub/i386-pc/lnxboot.img" "$1/tmp/core.img" \
			>"$1/tmp/grub.lkrn"' \
	--customize-hook="download /tmp/grub.lkrn $DIR/grub.lkrn" \
	--customize-hook="download /etc/ssh/ssh_host_ed25519_key.pub $DIR/host_key.pub" \
	--customize-hook='rm -f "$1"/tmp/* "$1"/etc/motd' \
	"$SUITE" "$DIR/root.tar" "$@"

rm -rf "$DIR/root"
mkdir "$DIR/root"
# shellcheck disable=SC2016
$as_root sh -euc 'tar -C "$1/root" --exclude="./dev/*" -xf "$1/root.tar"
	truncate -s 1G "$1/disk.new"
	mkfs.ext4 -q -F -L box -O ^metadata_csum_seed,^orphan_file -d "$1/root" "$1/disk.new"
	rm -rf "$1/root"' sh "$DIR"
rm "$DIR/root.tar"
mv "$DIR/disk.new" "$DIR/disk.img"
