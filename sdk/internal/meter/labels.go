package meter

import (
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/weirmq/weir/telemetry"
)

// Further labels that the SDK sets itself.
const (
	LabelClientLibrary = "client_library" // the measured library with its version
	LabelSDKName       = "sdk_name"       // with sdk_lang and sdk_version: which SDK reports
)

// MaxLabelBytes is the longest value that the ingest stage takes of a label.
const MaxLabelBytes = 256

// Identity says which client is measured.
type Identity struct {
	System  string // kafka, rocketmq
	Library string // with its version
	// Cluster and Group are named for this client alone; Settings.Labels has them where
	// they are empty.
	Cluster, Group string
}

// labelsOf are those that every report of a client has.
func (s *Settings) labelsOf(of Identity) telemetry.Labels {
	l := s.Labels
	l.System = of.System
	if of.Cluster != "" {
		l.Cluster = bounded(of.Cluster)
	}
	if of.Group != "" {
		l.Group = bounded(of.Group)
	}
	l.Extra = append(slices.Clone(l.Extra), telemetry.Label{Name: LabelClientLibrary, Value: of.Library})
	l.Canonical()
	return l
}

// named completes the labels by what a client says of itself. A long client id is
// cut short: host and process tell one client from another.
func (s *Settings) named(labels telemetry.Labels, clientID, group string) telemetry.Labels {
	if labels.Group == "" {
		labels.Group = bounded(group)
	}
	if labels.Client == "" {
		place := "@" + labels.Node + "-" + strconv.Itoa(os.Getpid())
		labels.Client = bounded(cut(clientID, MaxLabelBytes-len(place)) + place)
	}
	return labels
}

// bounded makes a label value what the ingest stage takes.
func bounded(value string) string { return cut(value, MaxLabelBytes) }

// cut is as much of a value as fits, without what the ingest stage refuses.
func cut(value string, maxBytes int) string {
	value = strings.ToValidUTF8(value[:max(0, min(len(value), maxBytes))], "")
	if !telemetry.HasControl(value) {
		return value
	}
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return -1
		}
		return c
	}, value)
}

// Library is a client library's name with the version of its module that this program was
// built with, as the build information has it.
func Library(name, module string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return name
	}
	at := slices.IndexFunc(info.Deps, func(m *debug.Module) bool { return m.Path == module })
	if at < 0 {
		return name
	}
	return name + "/" + info.Deps[at].Version
}
