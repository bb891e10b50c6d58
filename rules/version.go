package rules

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/weirmq/weir/telemetry"
)

// versionShare is the share 0-1 of clients whose version matches a pattern of
// path.Match, such as 1.18.*; 0 where there are no clients.
func versionShare(versions []telemetry.VersionTotals, pattern string) float64 {
	return shareOfClients(versions, func(v telemetry.VersionTotals) (counted, hit bool) {
		matched, err := path.Match(strings.TrimPrefix(pattern, "v"), strings.TrimPrefix(v.SDKVersion, "v"))
		return true, err == nil && matched
	})
}

// orderedShare is the share 0-1 of clients with a known version that compares with a version as an operator says.
func orderedShare(versions []telemetry.VersionTotals, operator, version string) float64 {
	return shareOfClients(versions, func(v telemetry.VersionTotals) (counted, hit bool) {
		if !knownVersion(v.SDKVersion) {
			return false, false
		}
		return true, ordered(compareVersions(v.SDKVersion, version), operator)
	})
}

// outdatedShare is the share 0-1 of clients with a known version that is lower
// than minimum. A client whose version is unknown is not counted: unknown is not outdated.
func outdatedShare(versions []telemetry.VersionTotals, minimum string) float64 {
	return orderedShare(versions, "<", minimum)
}

func shareOfClients(versions []telemetry.VersionTotals, judge func(telemetry.VersionTotals) (counted, hit bool)) float64 {
	all, hits := map[string]struct{}{}, map[string]struct{}{}
	for _, v := range versions {
		counted, hit := judge(v)
		for _, client := range v.Clients {
			if counted {
				all[client] = struct{}{}
			}
			if hit {
				hits[client] = struct{}{}
			}
		}
	}
	return ratio(float64(len(hits)), float64(len(all)))
}

// knownVersion says that the version begins with a number.
func knownVersion(version string) bool {
	version = strings.TrimPrefix(version, "v")
	return version != "" && version[0] >= '0' && version[0] <= '9'
}

// compareVersions compares numbers between dots as numbers, so that 1.9 < 1.18; a
// pre-release (1.18.0-rc1) is lower than its release, as in semantic versioning.
func compareVersions(a, b string) int {
	coreA, preA := splitVersion(a)
	coreB, preB := splitVersion(b)
	for i := range max(len(coreA), len(coreB)) {
		if d := numberAt(coreA, i) - numberAt(coreB, i); d != 0 {
			return d
		}
	}
	switch {
	case preA == preB:
		return 0
	case preA == "":
		return 1
	case preB == "":
		return -1
	}
	return comparePre(strings.Split(preA, "."), strings.Split(preB, "."))
}

// comparePre compares pre-releases part by part, numbers as numbers, so that rc.9 < rc.10; a number is lower than a word.
func comparePre(a, b []string) int {
	for i := range min(len(a), len(b)) {
		numberA, errA := strconv.Atoi(a[i])
		numberB, errB := strconv.Atoi(b[i])
		compared := strings.Compare(a[i], b[i])
		switch {
		case errA == nil && errB == nil:
			compared = numberA - numberB
		case errA == nil:
			compared = -1
		case errB == nil:
			compared = 1
		}
		if compared != 0 {
			return compared
		}
	}
	return len(a) - len(b)
}

func splitVersion(version string) (core []string, pre string) {
	version, _, _ = strings.Cut(strings.TrimPrefix(version, "v"), "+")
	version, pre, _ = strings.Cut(version, "-")
	return slices.Collect(strings.SplitSeq(version, ".")), pre
}

func numberAt(parts []string, i int) int {
	if i >= len(parts) {
		return 0
	}
	n, err := strconv.Atoi(parts[i])
	if err != nil {
		return 0
	}
	return n
}
