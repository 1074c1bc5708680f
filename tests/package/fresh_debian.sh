#!/usr/bin/env bash
# Installs the package with apt into a Debian that has nothing else, builds the examples there as its users would, runs them, and
# takes the package away again. Ends with 77 where that cannot be tried.
#
#   SUITE=… DIRECTORY=… SOURCE_DIR=… PACKAGE=… JARS=… GO=… fresh_debian.sh
#
# The Debian stays in the directory for the next run. Compilers and the JDK are its own; its Go would be too old.
set -euo pipefail

if ((EUID != 0)) || ! command -v debootstrap > /dev/null; then
  echo "it takes root's rights and debootstrap: apt-get install debootstrap"
  exit 77
fi

# What is mounted here nobody else sees, and it is gone with this process.
if [[ -z ${IN_NAMESPACE-} ]]; then
  IN_NAMESPACE=1 exec unshare --mount "$0"
fi

root=$DIRECTORY/$SUITE
inside() { chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 PATH=/usr/bin:/usr/sbin DEBIAN_FRONTEND=noninteractive "$@"; }

tools="gcc g++ libc6-dev make cmake pkg-config openjdk-17-jdk-headless"
if [[ ! -e $DIRECTORY/$SUITE.complete ]]; then
  rm -rf "$root"
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $SUITE" | head -n 1)
  debootstrap --variant=minbase "$SUITE" "$root" "$mirror"
  # A folder of the build with links into /proc leads those in circles who look through all of it, as cargo does.
  rm -rf "$root"/dev/*
fi
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
if [[ ! -e $DIRECTORY/$SUITE.complete ]]; then
  inside apt-get install --yes --quiet --no-install-recommends $tools
  touch "$DIRECTORY/$SUITE.complete"
fi

mkdir -p "$root"/{src,jars,go,modules}
mount --bind --read-only "$SOURCE_DIR" "$root/src"
mount --bind --read-only "$JARS" "$root/jars"
mount --bind --read-only "$("$GO" env GOROOT)" "$root/go"
mount --bind --read-only "$("$GO" env GOMODCACHE)" "$root/modules"
rm -rf "$root/package" "$root/build"
mkdir -p "$root/package" "$root/build"
cp "$PACKAGE" "$root/package/karrow.deb"

set -x
inside apt-get install --yes --quiet --reinstall /package/karrow.deb
inside sh -exc '
  cd /build
  cc /src/examples/c/count_rows.c -o count_rows $(pkg-config --cflags --libs karrow)
  cc /src/tests/install/numbers.c -o numbers $(pkg-config --cflags --libs karrow)
  c++ -std=c++17 /src/examples/cpp/orders.cpp -o orders $(pkg-config --cflags --libs karrow) -pthread
  library=$(dpkg --listfiles karrow | grep -E "libkarrow[.]so[.][0-9]+([.][0-9]+)?$" | tail -n 1)
  ldd orders | grep -F "${library#/usr} "
  ./count_rows 2>&1 | grep -F "usage: ./count_rows BOOTSTRAP_SERVERS TOPIC"
  ./numbers
  ./orders --orders 2000

  cmake -S /src/examples/install -B follow_orders
  cmake --build follow_orders

  export GOCACHE=/build/cache GOMODCACHE=/modules GOPROXY=off GOFLAGS="-mod=readonly -buildvcs=false" GOTOOLCHAIN=local
  cd /src/examples/go
  /go/bin/go build -o /build/go_orders ./orders
  /build/go_orders --orders 2000

  jars=$(echo /jars/*.jar | tr " " ":")
  javac -d /build/java -cp "$jars" /src/examples/java/src/main/java/*.java
  java --add-opens=java.base/java.nio=ALL-UNNAMED -Dkarrow.library=$library \
    -cp "/build/java:$jars" Orders --orders 2000
'
files=$(inside dpkg --listfiles karrow | grep karrow)
inside apt-get purge --yes karrow
set +x
for file in $files; do
  if [[ -e $root/$file || -L $root/$file ]]; then
    echo "$file is left" >&2
    exit 1
  fi
done
