# Runs inside mmdebstrap's run: fetches the kernel's package by the new system's signed lists, as $PYRO_WORK/kernel.deb.
# The real package is what the meta package depends on. Its digest is compared here, because apt takes a file that is
# there already by its size alone.
set -eu
echo "pyro: stage kernel"
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
meta=linux-image-cloud-amd64
package=$(apt-cache depends --important $meta | sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1)
[ -n "$package" ] || { echo "E: $meta depends on no kernel"; exit 1; }
# Where the file is there already, apt has no address to print: ask where it is not.
cd "$PYRO_WORK/tmp"
file=$(apt-get download --print-uris "$package" | cut -d ' ' -f 2)
sum=$(apt-cache show --no-all-versions "$package" | sed -n 's/^SHA256: //p' | head -n 1)
[ -n "$file" ] && [ -n "$sum" ] || { echo "E: the package lists do not describe $package"; exit 1; }
cd "$PYRO_DOWNLOADS"
echo "$sum  $file" | sha256sum --check --status 2> /dev/null || { rm -f "$file"; apt-get download "$package"; }
echo "$sum  $file" | sha256sum --check --status || { echo "E: $file is not what the package lists say"; exit 1; }
ln "$file" "$PYRO_WORK/kernel.deb" 2> /dev/null || cp "$file" "$PYRO_WORK/kernel.deb"
