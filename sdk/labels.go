package weir

import (
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// Further labels that the SDK sets itself.
const (
	labelClientLibrary = "client_library" // the measured library with its version
	labelSDKName       = "sdk_name"       // with sdk_lang and sdk_version: which SDK reports
)

// labels are those that every report of a client has.
func (c Config) labels() telemetry.Labels {
	l := telemetry.Labels{Env: c.Env, Cluster: c.Cluster, System: "kafka", Group: c.Group, Client: c.Client, Node: c.Node,
		SDKLang: "go", SDKVersion: c.SDKVersion, Tier: c.Tier, Lane: c.Lane, Tag: c.Tag}
	for name, value := range c.Labels {
		l.Extra = append(l.Extra, telemetry.Label{Name: name, Value: value})
	}
	l.Extra = append(l.Extra, telemetry.Label{Name: labelClientLibrary, Value: clientLibrary()},
		telemetry.Label{Name: labelSDKName, Value: c.SDKName})
	l.Canonical()
	return l
}

// identify completes the labels by what a client says of itself. A long client id is
// cut short: host and process tell one client from another.
func (c Config) identify(client *kgo.Client) telemetry.Labels {
	labels := c.labels()
	for _, option := range []any{kgo.ConsumerGroup, kgo.ShareGroup} { // a client is in one of them at most
		if group, ok := client.OptValue(option).(string); ok && labels.Group == "" {
			labels.Group = bounded(group)
		}
	}
	if labels.Client == "" {
		id, _ := client.OptValue(kgo.ClientID).(string)
		place := "@" + c.Node + "-" + strconv.Itoa(os.Getpid())
		labels.Client = bounded(cut(id, maxLabelBytes-len(place)) + place)
	}
	return labels
}

// bounded makes a label value what the ingest stage takes.
func bounded(value string) string { return cut(value, maxLabelBytes) }

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

const franzGo = "github.com/twmb/franz-go"

// clientLibrary is franz-go with the version this program was built with, as the
// build information has it.
func clientLibrary() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "franz-go"
	}
	at := slices.IndexFunc(info.Deps, func(m *debug.Module) bool { return m.Path == franzGo })
	if at < 0 {
		return "franz-go"
	}
	return "franz-go/" + info.Deps[at].Version
}
