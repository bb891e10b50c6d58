package remoting

import "fmt"

// The ordinals of RocketMQ's releases: 4.0.0 has the first, a patch takes two, of which the lower is its snapshot, a minor release
// twenty, a major one two hundred. From 3.x, which has no such order, and past 5.9.9, where RocketMQ has one name for all that
// follow, nothing is known.
const (
	firstOrdinal  = 213 // 4.0.0
	lastOrdinal   = 611 // 5.9.9
	firstMajor    = 4
	majorOrdinals = 200
	minorOrdinals = 20
	patchOrdinals = 2
)

// languageJava is the client whose version is that of its release.
const languageJava = "JAVA"

// release is that of a client by its language and version, "5.3.3" or "5.3.4-SNAPSHOT", and whether it is known. Only clients
// in Java say theirs. Those in Go say 317 in all releases, and nothing is promised of others: theirs is unknown, not old.
func release(language string, version int32) (string, bool) {
	if language != languageJava || version < firstOrdinal-1 || version > lastOrdinal {
		return "", false
	}
	n, suffix := version-firstOrdinal, ""
	if n%patchOrdinals != 0 {
		n, suffix = n+1, "-SNAPSHOT"
	}
	return fmt.Sprintf("%d.%d.%d%s", firstMajor+n/majorOrdinals, n%majorOrdinals/minorOrdinals, n%minorOrdinals/patchOrdinals, suffix), true
}
