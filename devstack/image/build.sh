#!/bin/bash
# Builds the guest image, guest.qcow2, out of Debian packages that are unpacked and never installed.
#
#   build.sh FOLDER [PACKAGES]      the image goes to FOLDER; PACKAGES keeps the .deb files (default FOLDER/packages)
#
# A cloud kernel (LZ4: seconds matter under emulation), busybox, dropbear and QEMU's guest agent, on a BIOS disk:
# a FAT partition with syslinux, kernel and initrd, and an ext4 root that grows to whatever disk it finds itself on.
# Nothing is mounted and no loop device is needed. What the guest does at its start is in rootfs/etc/init.d/cloud.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath -m "$1") packages=$(realpath -m "${2:-$1/packages}") work=$(realpath -m "$1")/work
boot_mb=20 root_mb=40
libraries="libtomcrypt1 libtommath1 libgmp10 libc6 libcrypt1 zlib1g libglib2.0-0 libudev1 liburing2 libpcre2-8-0
  libext2fs2 libcom-err2 libblkid1 libuuid1"
initrd_modules="virtio_pci virtio_blk virtio_scsi sd_mod ahci ata_piix"
root_modules="virtio_net virtio_console virtio_rng virtio_balloon virtio_input button evdev sr_mod isofs vfat
  nls_cp437 nls_ascii nls_iso8859-1 e1000 e1000e 8139cp"

unpack() { # unpack FOLDER PACKAGE...
  local folder=$1 package; shift
  mkdir -p "$packages" "$folder"
  for package; do
    compgen -G "$packages/${package}_*.deb" >/dev/null ||
      (cd "$packages" && apt-get -q -o APT::Sandbox::User=root download "$package")
    dpkg-deb -x "$packages/${package}"_*.deb "$folder"
  done
}

copy_modules() { # copy_modules ROOT MODULE...: those this kernel has, with what they need
  local root=$1 module file; shift
  for module; do
    { modprobe -d "$work/kernel" -S "$version" --show-depends "$module" 2>/dev/null || true; } | awk '$1 == "insmod" {print $2}'
  done | sort -u | while read -r file; do install -D -m 644 "$file" "$root${file#"$work/kernel"}"; done
  cp "$work/kernel/lib/modules/$version"/modules.{builtin,order} "$root/lib/modules/$version/"
  depmod -b "$root" "$version"
}

copy_program() { # copy_program SOURCE DESTINATION: with its shared libraries
  local tree=$work/debian library
  install -D -m 755 "$1" "$root$2"
  "$tree/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" --library-path "$library_path" --list "$1" |
    awk '/=> \//{print $3}' | while read -r library; do cp -Lu "$library" "$root/lib/x86_64-linux-gnu/"; done
}

rm -rf "$work"; mkdir -p "$out" "$work"

# --- packages
kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/{print $2; exit}')
unpack "$work/kernel" "$kernel"
unpack "$work/static" busybox-static
# shellcheck disable=SC2086
unpack "$work/debian" busybox dropbear-bin qemu-guest-agent e2fsprogs $libraries
version=$(ls "$work/kernel/lib/modules")
depmod -b "$work/kernel" "$version"

# --- initrd: finds the root, makes its partition as large as the disk
initrd=$work/initrd
mkdir -p "$initrd"/{bin,dev,proc,sys,newroot}
install -m 755 "$work/static/bin/busybox" "$initrd/bin/busybox"
ln -s busybox "$initrd/bin/sh"
install -m 755 "$here/initrd/init" "$initrd/init"
# shellcheck disable=SC2086
copy_modules "$initrd" $initrd_modules
(cd "$initrd" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet | gzip -1) >"$work/initrd.gz"

# --- root
root=$work/root library_path=$work/debian/lib/x86_64-linux-gnu:$work/debian/usr/lib/x86_64-linux-gnu
mkdir -p "$root"/{bin,sbin,dev,proc,sys,run,tmp,root,mnt,media,lib/x86_64-linux-gnu,lib64,usr/bin,usr/sbin,etc/dropbear,var/lib/cloud,var/log,home/cirros/.ssh}
# shellcheck disable=SC2086
copy_modules "$root" $initrd_modules $root_modules
cp -L "$work/debian/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" "$root/lib64/"
copy_program "$work/debian/bin/busybox" /bin/busybox
for applet in $("$work/debian/bin/busybox" --list); do [ -e "$root/bin/$applet" ] || ln -s /bin/busybox "$root/bin/$applet"; done
for applet in init getty; do ln -s /bin/busybox "$root/sbin/$applet"; done
cp -L "$work"/debian/lib/x86_64-linux-gnu/libnss_*.so.2 "$root/lib/x86_64-linux-gnu/"
copy_program "$work/debian/usr/sbin/dropbear" /usr/sbin/dropbear
copy_program "$work/debian/usr/bin/dropbearkey" /usr/bin/dropbearkey
copy_program "$work/debian/usr/sbin/qemu-ga" /usr/sbin/qemu-ga
copy_program "$work/debian/sbin/resize2fs" /sbin/resize2fs
cp -r "$here/rootfs/." "$root/"
chmod 755 "$root"/etc/init.d/* "$root"/etc/acpi/PWRF/* "$root/etc/udhcpc.script" "$root/usr/sbin/chpasswd"
password=$(openssl passwd -6 -salt devstack gocubsgo)
printf 'root:!:19000:0:99999:7:::\ncirros:%s:19000:0:99999:7:::\n' "$password" >"$root/etc/shadow"
chmod 600 "$root/etc/shadow"

# --- the disk
truncate -s ${root_mb}M "$work/root.ext4"
mke2fs -q -F -t ext4 -L guestroot -O ^has_journal,^metadata_csum,resize_inode -m 0 -E root_owner=0:0 -d "$root" "$work/root.ext4"
truncate -s ${boot_mb}M "$work/boot.fat"
mkfs.vfat -F 16 -n GUESTBOOT "$work/boot.fat" >/dev/null
cat >"$work/syslinux.cfg" <<'EOF'
SERIAL 0 115200
DEFAULT guest
PROMPT 0
TIMEOUT 0
LABEL guest
  LINUX vmlinuz
  INITRD initrd
  APPEND console=tty1 console=ttyS0,115200 quiet panic=10 8250.nr_uarts=1 tsc=reliable mitigations=off
EOF
export MTOOLS_SKIP_CHECK=1
mcopy -i "$work/boot.fat" "$work/kernel/boot/vmlinuz-$version" ::vmlinuz
mcopy -i "$work/boot.fat" "$work/initrd.gz" ::initrd
mcopy -i "$work/boot.fat" "$work/syslinux.cfg" ::syslinux.cfg
syslinux --install "$work/boot.fat"
truncate -s $((1 + boot_mb + root_mb))M "$work/disk.raw"
printf 'label: dos\nstart=2048, size=%d, type=e, bootable\nstart=%d, type=83\n' \
  $((boot_mb * 2048)) $(((1 + boot_mb) * 2048)) | sfdisk -q "$work/disk.raw"
dd if="$work/boot.fat" of="$work/disk.raw" bs=1M seek=1 conv=notrunc status=none
dd if="$work/root.ext4" of="$work/disk.raw" bs=1M seek=$((1 + boot_mb)) conv=notrunc,sparse status=none
dd if=/usr/lib/syslinux/mbr/mbr.bin of="$work/disk.raw" bs=440 count=1 conv=notrunc status=none
qemu-img convert -c -O qcow2 "$work/disk.raw" "$out/guest.qcow2"
rm -rf "$work"
ls -l "$out/guest.qcow2"
