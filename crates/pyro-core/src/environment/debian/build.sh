# Runs as PID 1 of namespaces of its own, as root there. Builds a Debian system and writes it into a disk image.
# PYRO_WORK      a directory with apt.conf, sources.list, guest.list and kernel.sh; gets kernel.deb and rootfs.ext4
# PYRO_DOWNLOADS packages that were fetched before, and those that are fetched now
# PYRO_SUITE PYRO_PACKAGES PYRO_IMAGE_BYTES
set -eu
umask 022
mkdir -p "$PYRO_WORK/tmp" "$PYRO_DOWNLOADS/partial"
export TMPDIR="$PYRO_WORK/tmp" DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true
root=$PYRO_WORK/root

# Packages are fetched into a directory that survives an interruption: apt goes on where it was, within a file too.
before='mkdir -p "$1/var/cache/apt/archives" && mount --bind "$PYRO_DOWNLOADS" "$1/var/cache/apt/archives"'
after='umount "$1/var/cache/apt/archives"'

# Nothing in the new system needs to survive a crash before its image is whole: dpkg need not flush each file.
mmdebstrap --mode=root --variant=minbase --format=directory --architectures=amd64 --verbose \
  --include="$PYRO_PACKAGES" --aptopt="$PYRO_WORK/apt.conf" --dpkgopt=force-unsafe-io \
  --setup-hook="$before" --skip=download/empty --skip=essential/unlink \
  --customize-hook='/bin/sh "$PYRO_WORK/kernel.sh"' --customize-hook="$after" \
  "$PYRO_SUITE" "$root" "$PYRO_WORK/sources.list"

echo "pyro: stage image"
rm -rf "$root/dev" "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
mkdir -m 755 "$root/dev"
cp "$PYRO_WORK/guest.list" "$root/etc/apt/sources.list"
: > "$root/etc/machine-id"
# Every command runs in a login shell, and under emulation each process that its profile starts (id, mesg) costs 50 ms:
# the same settings, without them.
cat > "$root/etc/profile" <<'END'
# The guest's only user is root.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
if [ "${PS1-}" ] && [ "${BASH-}" ] && [ "$BASH" != /bin/sh ] && [ -f /etc/bash.bashrc ]; then
  . /etc/bash.bashrc
fi
for script in /etc/profile.d/*.sh; do
  if [ -r "$script" ]; then . "$script"; fi
done
unset script
END
sed -i '/^mesg /d' "$root/root/.profile"
echo pyro > "$root/etc/hostname"
printf '127.0.0.1 localhost pyro\n::1 localhost ip6-localhost ip6-loopback\n' > "$root/etc/hosts"
rm -f "$root/etc/resolv.conf"
echo '# No network.' > "$root/etc/resolv.conf"

# No lazy initialisation: the guest's kernel would zero inode tables in the background, into every layer. The new file
# reads as zeroes, and mke2fs from 1.47 on can be told so; before it writes 128 MiB of them.
image=$PYRO_WORK/rootfs.ext4
truncate --size="$PYRO_IMAGE_BYTES" "$image"
options=lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0
if mke2fs -n -q -t ext4 -E assume_storage_prezeroed=1 "$image" > /dev/null 2>&1; then
  options=assume_storage_prezeroed=1,root_owner=0:0
fi
# No checksums over its metadata: an emulated processor takes a tenth of the time of making a file for them, and what they
# find, a medium that decays, is below the file that this is.
mke2fs -q -F -t ext4 -b 4096 -m 0 -L pyro -J size=16 -O ^metadata_csum -E "$options" -d "$root" "$image"
rm -rf --one-file-system "$root" "$PYRO_WORK/tmp"
