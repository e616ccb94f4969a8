# shellcheck shell=bash
# The guest image, and the pages of noVNC: both out of Debian packages that are unpacked, not installed.

build_image() {
  local mark
  mark=$(find "$DEVSTACK/image" -type f -print0 | sort -z | xargs -0 cat | md5sum | cut -c1-16)
  [ ! -f "$CACHE/image/guest-$mark.qcow2" ] || return 0
  rm -f "$CACHE"/image/guest-*.qcow2
  "$DEVSTACK/image/build.sh" "$CACHE/image" "$CACHE/packages"
  mv "$CACHE/image/guest.qcow2" "$CACHE/image/guest-$mark.qcow2"
}
image_file() { ls "$CACHE"/image/guest-*.qcow2; }

unpack_novnc() {
  [ ! -f "$CACHE/novnc/vnc_lite.html" ] || return 0
  fetch_packages "$CACHE/packages" novnc
  dpkg-deb --fsys-tarfile "$CACHE"/packages/novnc_*.deb | tar -x -C "$CACHE" ./usr/share/novnc
  rm -rf "$CACHE/novnc"; mv "$CACHE/usr/share/novnc" "$CACHE/novnc"; rm -r "${CACHE:?}/usr"
}
