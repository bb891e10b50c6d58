package telemetry_test

import (
	"testing"

	"github.com/weirmq/weir/telemetry"
)

// TestFingerprintIsStable holds the identities that alerts already stored have.
func TestFingerprintIsStable(t *testing.T) {
	for _, c := range []struct {
		labels map[string]string
		want   string
	}{
		{nil, "cbf29ce484222325"},
		{map[string]string{"alertname": "LargeMessage", "cluster": "eu-1", "topic": "orders"}, "e2a7e3ef2f7c0dc0"},
		{map[string]string{"alertname": "LargeMessage", "cluster": "eu-1", "topic": "orders2"}, "a05b8e6db0a960b8"},
		{map[string]string{"a": "bc"}, "a0a3542c19b900ab"},
		{map[string]string{"ab": "c"}, "20ba9b3025a8b421"},
	} {
		for range 20 { // whatever the order of the map
			if got := telemetry.Fingerprint(c.labels); got != c.want {
				t.Fatalf("fingerprint of %v is %s, want %s", c.labels, got, c.want)
			}
		}
	}
}

// TestGroupPartitionIsStable holds where groups and their alerts already stored are kept.
func TestGroupPartitionIsStable(t *testing.T) {
	for _, c := range []struct {
		grouping   string
		values     []string
		key        string
		partitions int32
		want       int32
	}{
		{"cluster,topic", []string{"eu-1", "orders"}, "cluster,topic\x00eu-1\x00orders", 8, 7},
		{"cluster,topic", []string{"eu-1", "orders"}, "cluster,topic\x00eu-1\x00orders", 1, 0},
		{"cluster,topic", []string{"eu-1", "payments"}, "cluster,topic\x00eu-1\x00payments", 8, 5},
		{"cluster,topic", []string{"", ""}, "cluster,topic\x00\x00", 64, 30},
		{"", nil, "\x00", 7, 5},
	} {
		key := telemetry.GroupKey(c.grouping, c.values)
		if key != c.key {
			t.Errorf("key of %s %q is %q, want %q", c.grouping, c.values, key, c.key)
		}
		if got := telemetry.GroupPartition(key, c.partitions); got != c.want {
			t.Errorf("%q is in partition %d of %d, want %d", key, got, c.partitions, c.want)
		}
	}
}

func TestGroupingReadsItsLabels(t *testing.T) {
	labels := fullReport().Labels
	all := telemetry.Grouping{By: []string{"topic", "team", "none"}}
	values, ok := all.Values(&labels)
	equal(t, "values", []string{"orders", "payments", ""}, values)
	refuses := telemetry.Grouping{By: []string{"topic"}, Where: func(l *telemetry.Labels) bool { return l.Op == "consume" }}
	values, refused := refuses.Values(&labels)
	if !ok || refused || values != nil {
		t.Errorf("got %v, %v and %q, %v", all.By, ok, values, refused)
	}
}

func TestSegmentsAreOrderedByBlockThenMinute(t *testing.T) {
	ascending := []telemetry.Segment{{Block: 0, MinuteUnix: 9}, {Block: 1, MinuteUnix: 3}, {Block: 1, MinuteUnix: 4}}
	for i, a := range ascending {
		for j, b := range ascending {
			if got := a.Before(b); got != (i < j) {
				t.Errorf("%v before %v is %v", a, b, got)
			}
		}
	}
}

func TestSourceIsNamedByTopicIDAndPartition(t *testing.T) {
	if got, want := source.String(), "a000000000000000000000000000000f/7"; got != want {
		t.Errorf("source is %s, want %s", got, want)
	}
}
