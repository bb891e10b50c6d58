package rules

import (
	"math"
	"slices"
	"strings"

	"github.com/weirmq/weir/telemetry"
)

// GaugeField is a field of the view that is made of a gauge. What no report of the window carried is unknown, never 0.
type GaugeField struct {
	Field, Gauge string
	Merge        GaugeMerge
	// ZeroWhereAbsent says that a client that reports without the gauge has 0: it is said only while it is true.
	ZeroWhereAbsent bool
}

// GaugeMerge is how the values of the series of a group become one. All but max are of the newest pane that has the gauge.
type GaugeMerge string

// How gauges merge.
const (
	MergeSum   GaugeMerge = "sum"
	MergeMax   GaugeMerge = "max" // of the whole window
	MergeMin   GaugeMerge = "min"
	MergeMean  GaugeMerge = "mean"
	MergeCount GaugeMerge = "count" // of the series
	MergeSkew  GaugeMerge = "skew"  // the greatest through the mean, the median of all panes
)

// GaugeFields are all fields that are made of gauges.
var GaugeFields = []GaugeField{
	{Field: "lag", Gauge: telemetry.GaugeLagMessages, Merge: MergeSum},
	{Field: "lag_max", Gauge: telemetry.GaugeLagMessages, Merge: MergeMax},
	{Field: "lag_median", Gauge: telemetry.GaugeLagMedian, Merge: MergeMax},
	{Field: "lag_seconds", Gauge: telemetry.GaugeLagSeconds, Merge: MergeMax},
	{Field: "retention_left", Gauge: telemetry.GaugeRetentionLeft, Merge: MergeMin},
	{Field: "stalled_partitions", Gauge: telemetry.GaugeStalled, Merge: MergeSum},
	{Field: "stopped_partitions", Gauge: telemetry.GaugeStopped, Merge: MergeSum},
	{Field: "rewound_partitions", Gauge: telemetry.GaugeRewound, Merge: MergeSum},
	{Field: "growing_partitions", Gauge: telemetry.GaugeGrowing, Merge: MergeSum},
	{Field: "members", Gauge: telemetry.GaugeMembers, Merge: MergeSum},
	{Field: "rebalancing_groups", Gauge: telemetry.GaugeRebalancing, Merge: MergeSum},
	{Field: "subscription_mismatches", Gauge: telemetry.GaugeMismatches, Merge: MergeSum},
	{Field: "paused_clients", Gauge: telemetry.GaugePaused, Merge: MergeSum, ZeroWhereAbsent: true},
	{Field: "paused_seconds", Gauge: telemetry.GaugePausedSeconds, Merge: MergeMax, ZeroWhereAbsent: true},
	{Field: "send_skew", Gauge: telemetry.GaugePartitionRate, Merge: MergeSkew},
	{Field: "send_partitions", Gauge: telemetry.GaugePartitionRate, Merge: MergeCount},
	{Field: "send_rate_max", Gauge: telemetry.GaugePartitionRate, Merge: MergeMax},
	{Field: "consume_rate_max", Gauge: telemetry.GaugeConsumed, Merge: MergeMax},
	{Field: "in_sync_replicas", Gauge: telemetry.GaugeInSyncReplicas, Merge: MergeMin},
	{Field: "under_replicated_partitions", Gauge: telemetry.GaugeUnderReplicated, Merge: MergeSum},
	{Field: "under_min_isr_partitions", Gauge: telemetry.GaugeUnderMinISR, Merge: MergeSum},
	{Field: "leaderless_partitions", Gauge: telemetry.GaugeLeaderless, Merge: MergeSum},
	{Field: "under_replicated_polls", Gauge: telemetry.GaugeUnderReplicatedR, Merge: MergeMax},
	{Field: "active_controllers", Gauge: telemetry.GaugeControllers, Merge: MergeSum},
	{Field: "nodes_alive", Gauge: telemetry.GaugeNodesAlive, Merge: MergeSum},
	{Field: "brokers_alive", Gauge: telemetry.GaugeBrokersAlive, Merge: MergeSum},
	{Field: "disk_used", Gauge: telemetry.GaugeDiskUsed, Merge: MergeMax},
	{Field: "send_queue_wait", Gauge: telemetry.GaugeSendQueueWait, Merge: MergeMax},
	{Field: "page_cache_lock", Gauge: telemetry.GaugePageCacheLock, Merge: MergeMax},
	{Field: "retry_lag", Gauge: telemetry.GaugeRetryLag, Merge: MergeSum},
	{Field: "dead_letters", Gauge: telemetry.GaugeDeadLetters, Merge: MergeSum},
	{Field: "dead_letters_per_second", Gauge: telemetry.GaugeDeadLetterRate, Merge: MergeMax},
	{Field: "delay_lag", Gauge: telemetry.GaugeDelayLag, Merge: MergeSum},
	{Field: "delay_overdue", Gauge: telemetry.GaugeDelayOverdue, Merge: MergeMax},
	{Field: "delay_early", Gauge: telemetry.GaugeDelayEarly, Merge: MergeMax},
	{Field: "heartbeat_failures", Gauge: telemetry.GaugeHeartbeatFailed, Merge: MergeMin},
	{Field: "heartbeat_peers_p50", Gauge: telemetry.GaugeHeartbeatPeers, Merge: MergeMean},
}

// gaugeFields are the places of GaugeFields in it, by field.
var gaugeFields = func() map[string]int {
	out := map[string]int{}
	for i, field := range GaugeFields {
		out[field.Field] = i
	}
	return out
}()

// rises says that a field is never higher because input is missing.
func (f *GaugeField) rises() bool {
	return f.Merge == MergeSum || f.Merge == MergeMax || f.Merge == MergeCount
}

// read is the field's value in a stretch, NaN where nobody said it.
func (f *GaugeField) read(s *stretch) float64 {
	at, found := slices.BinarySearchFunc(s.totals.Gauges, f.Gauge, func(g telemetry.GaugeValue, name string) int {
		return strings.Compare(g.Name, name)
	})
	if !found {
		if f.ZeroWhereAbsent && s.totals.Reports > 0 {
			return 0
		}
		return math.NaN()
	}
	gauge := &s.totals.Gauges[at]
	switch f.Merge {
	case MergeSum:
		return gauge.Sum
	case MergeMax:
		return gauge.Max
	case MergeMin:
		return gauge.Min
	case MergeMean:
		return gauge.Sum / float64(gauge.Series)
	case MergeCount:
		return float64(gauge.Series)
	}
	return median(s.skews)
}

// skew is how many times the mean of the series of a gauge the greatest is; ok is false where a pane does not have it, or all are 0.
func skew(t *telemetry.Totals, name string) (times float64, ok bool) {
	for i := range t.Gauges {
		if gauge := &t.Gauges[i]; gauge.Name == name && gauge.Sum > 0 {
			return gauge.Max * float64(gauge.Series) / gauge.Sum, true
		}
	}
	return 0, false
}
