# shellcheck shell=bash
# Debian packages. None of them starts a daemon: devstack starts its own.

list_packages() {
  echo python3 python3-venv python3-dev gcc libc6-dev pkg-config ca-certificates curl iproute2 procps openssl openssh-client
  echo rabbitmq-server mariadb-server memcached qemu-utils
  [ "$DATABASE" != postgresql ] || echo postgresql
  # the guest image
  echo kmod cpio e2fsprogs fdisk mtools dosfstools syslinux syslinux-common
  [ "$VIRT_DRIVER" = libvirt ] || return 0
  echo libvirt-daemon-system libvirt-daemon-driver-qemu libvirt-clients libvirt-dev qemu-system-x86 genisoimage
  echo openvswitch-switch ovn-central ovn-host haproxy conntrack ipset iptables ethtool
}

missing_packages() { # missing_packages LIST...: each a function that prints names
  local list package
  for list; do for package in $($list); do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
  done; done
}

install_packages() {
  local missing made=
  missing=$(missing_packages "${@:-list_packages}")
  [ -n "$missing" ] || return 0
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d; made=yes
  fi
  export DEBIAN_FRONTEND=noninteractive
  update_package_lists
  # shellcheck disable=SC2086
  apt-get -o DPkg::Lock::Timeout=600 install -y -q --no-install-recommends $missing || { [ -z "$made" ] || rm /usr/sbin/policy-rc.d; false; }
  [ -z "$made" ] || rm /usr/sbin/policy-rc.d
  # shellcheck disable=SC2086
  ! command -v systemctl >/dev/null || disable_units $missing
}

# What was not here before shall not start with the machine either.
disable_units() {
  local package unit
  for package; do
    for unit in $(dpkg -L "$package" | grep -E '^(/usr)?/lib/systemd/system/[^/@]*[.](service|socket)$' | xargs -rn1 basename); do
      systemctl disable -q "$unit" || true
    done
  done
}

# Once for a stack: the guest image's packages need the lists too.
update_package_lists() {
  [ ! -e "$CACHE/package-lists" ] || return 0
  apt-get -o DPkg::Lock::Timeout=600 update -q
  touch "$CACHE/package-lists"
}

# fetch_packages FOLDER PACKAGE...: the .deb files, without installing them.
fetch_packages() {
  local folder=$1 package; shift
  mkdir -p "$folder"
  for package; do
    compgen -G "$folder/${package}_*.deb" >/dev/null ||
      (cd "$folder" && apt-get -q -o APT::Sandbox::User=root download "$package")
  done
}
