package rules

import (
	"math"
	"reflect"
	"slices"

	"github.com/weirmq/weir/telemetry"
)

// Span is what a rule sees of one group over one stretch of event time: the fields
// an expression reads, by the names and in the units of their tags; dim is the unit as package unit knows it, and takes that
// of what a function is given. Fields that nothing was observed for are 0, those of gauges that nobody reported NaN; all fields
// of a span that Weir knows nothing of are NaN.
type Span struct {
	TPS         float64 `expr:"tps" dim:"1/time" unit:"messages per second"`
	BPS         float64 `expr:"bps" dim:"bytes/time" unit:"bytes per second"`
	Messages    float64 `expr:"messages" dim:"plain" unit:"messages"`
	Bytes       float64 `expr:"bytes" dim:"bytes" unit:"bytes"`
	Errors      float64 `expr:"errors" dim:"plain" unit:"messages that failed"`
	ErrorRate   float64 `expr:"error_rate" dim:"plain" unit:"share 0-1 of messages that failed to be sent, or to be handled"`
	P50         float64 `expr:"p50" dim:"time" unit:"seconds"`
	P90         float64 `expr:"p90" dim:"time" unit:"seconds"`
	P95         float64 `expr:"p95" dim:"time" unit:"seconds"`
	P99         float64 `expr:"p99" dim:"time" unit:"seconds"`
	P999        float64 `expr:"p999" dim:"time" unit:"seconds"`
	LatencyMax  float64 `expr:"latency_max" dim:"time" unit:"seconds"`
	DelayP50    float64 `expr:"delay_p50" dim:"time" unit:"seconds"`
	DelayP99    float64 `expr:"delay_p99" dim:"time" unit:"seconds"`
	SizeP50     float64 `expr:"size_p50" dim:"bytes" unit:"bytes"`
	SizeP99     float64 `expr:"size_p99" dim:"bytes" unit:"bytes"`
	SizeMax     float64 `expr:"size_max" dim:"bytes" unit:"bytes"`
	SizeAvg     float64 `expr:"size_avg" dim:"bytes" unit:"bytes"`
	HeartbeatPN float64 `expr:"heartbeat_p99" dim:"time" unit:"seconds"`
	Clients     float64 `expr:"clients" dim:"plain" unit:"clients"`
	Nodes       float64 `expr:"nodes" dim:"plain" unit:"nodes"`
	Rebalances  float64 `expr:"rebalances" dim:"plain" unit:"rebalances"`
	Lag         float64 `expr:"lag" dim:"plain" unit:"messages"`
	LagSeconds  float64 `expr:"lag_seconds" dim:"time" unit:"seconds"`
	TPSMedian   float64 `expr:"tps_median" dim:"1/time" unit:"messages per second"`
	Volatility  float64 `expr:"volatility" dim:"plain" unit:"ratio (max-min)/median of the panes' tps"`

	HeartbeatP50   float64 `expr:"heartbeat_p50" dim:"time" unit:"seconds"`
	HeartbeatP90   float64 `expr:"heartbeat_p90" dim:"time" unit:"seconds"`
	LagMax         float64 `expr:"lag_max" dim:"plain" unit:"messages"`
	LagMedian      float64 `expr:"lag_median" dim:"plain" unit:"messages"`
	RetentionLeft  float64 `expr:"retention_left" dim:"time" unit:"seconds"`
	Stalled        float64 `expr:"stalled_partitions" dim:"plain" unit:"partitions"`
	Stopped        float64 `expr:"stopped_partitions" dim:"plain" unit:"partitions"`
	Rewound        float64 `expr:"rewound_partitions" dim:"plain" unit:"partitions"`
	Growing        float64 `expr:"growing_partitions" dim:"plain" unit:"partitions"`
	Members        float64 `expr:"members" dim:"plain" unit:"members"`
	Rebalancing    float64 `expr:"rebalancing_groups" dim:"plain" unit:"groups"`
	Mismatches     float64 `expr:"subscription_mismatches" dim:"plain" unit:"members"`
	PausedClients  float64 `expr:"paused_clients" dim:"plain" unit:"clients"`
	PausedSeconds  float64 `expr:"paused_seconds" dim:"time" unit:"seconds"`
	SendSkew       float64 `expr:"send_skew" dim:"plain" unit:"ratio"`
	SendPartitions float64 `expr:"send_partitions" dim:"plain" unit:"partitions"`
	SendRateMax    float64 `expr:"send_rate_max" dim:"1/time" unit:"messages per second"`
	ConsumeRateMax float64 `expr:"consume_rate_max" dim:"1/time" unit:"messages per second"`
	InSync         float64 `expr:"in_sync_replicas" dim:"plain" unit:"replicas"`
	UnderReplica   float64 `expr:"under_replicated_partitions" dim:"plain" unit:"partitions"`
	UnderMinISR    float64 `expr:"under_min_isr_partitions" dim:"plain" unit:"partitions"`
	Leaderless     float64 `expr:"leaderless_partitions" dim:"plain" unit:"partitions"`
	UnderPolls     float64 `expr:"under_replicated_polls" dim:"plain" unit:"share 0-1 of polls"`
	Controllers    float64 `expr:"active_controllers" dim:"plain" unit:"controllers"`
	NodesAlive     float64 `expr:"nodes_alive" dim:"plain" unit:"nodes"`
	BrokersAlive   float64 `expr:"brokers_alive" dim:"plain" unit:"brokers"`
	DiskUsed       float64 `expr:"disk_used" dim:"plain" unit:"share 0-1"`
	SendQueueWait  float64 `expr:"send_queue_wait" dim:"time" unit:"seconds"`
	PageCacheLock  float64 `expr:"page_cache_lock" dim:"time" unit:"seconds"`
	RetryLag       float64 `expr:"retry_lag" dim:"plain" unit:"messages"`
	DeadLetters    float64 `expr:"dead_letters" dim:"plain" unit:"messages"`
	DeadLetterRate float64 `expr:"dead_letters_per_second" dim:"1/time" unit:"messages per second"`
	DelayLag       float64 `expr:"delay_lag" dim:"plain" unit:"messages"`
	DelayOverdue   float64 `expr:"delay_overdue" dim:"time" unit:"seconds"`
	DelayEarly     float64 `expr:"delay_early" dim:"time" unit:"seconds"`
	FailedBeats    float64 `expr:"heartbeat_failures" dim:"plain" unit:"heartbeats"`
	PeersP50       float64 `expr:"heartbeat_peers_p50" dim:"time" unit:"seconds"`

	LatencyShareAbove func(seconds float64) float64 `expr:"latency_share_above" dim:"plain" takes:"time" unit:"share 0-1"`
	VersionShare      func(asked ...string) float64 `expr:"version_share" dim:"plain" unit:"share 0-1 of clients"`
	Outdated          func(minimum string) float64  `expr:"outdated" dim:"plain" unit:"share 0-1 of clients with a known version"`
}

const microsPerSecond = 1e6

// spanFields maps a field's name to its place in Span.
var spanFields = func() map[string]int {
	fields := map[string]int{}
	for i := range reflect.TypeFor[Span]().NumField() {
		fields[reflect.TypeFor[Span]().Field(i).Tag.Get("expr")] = i
	}
	return fields
}()

// number returns a numeric field by name.
func (s *Span) number(name string) (float64, bool) {
	at, ok := spanFields[name]
	if !ok {
		return 0, false
	}
	field := reflect.ValueOf(s).Elem().Field(at)
	if field.Kind() != reflect.Float64 {
		return 0, false
	}
	return field.Float(), true
}

// stretch is the totals of one group over a stretch of event time.
type stretch struct {
	totals  telemetry.Totals
	paneTPS []float64 // one for each pane, those without data included
	skews   []float64 // of rates of partitions, one for each pane that has them
	seconds float64
	late    uint64
	omitted telemetry.Parts // by some partial in it
}

// span computes the fields.
func (s *stretch) span(need telemetry.Parts) Span {
	t := &s.totals
	failed := float64(t.ErrorTotal())
	out := Span{
		TPS: float64(t.Messages) / s.seconds, BPS: float64(t.Bytes) / s.seconds,
		Messages: float64(t.Messages), Bytes: float64(t.Bytes), Errors: failed,
		ErrorRate: errorRate(s), Rebalances: float64(t.Rebalances),
		Clients: float64(uint64(len(t.Clients)) + t.OverflowedClients), Nodes: float64(len(t.Nodes)),
		LatencyMax: float64(t.LatencyMicros.Max) / microsPerSecond, SizeMax: float64(t.SizeBytes.Max),
	}
	out.TPSMedian, out.Volatility = median(s.paneTPS), volatility(s.paneTPS)
	if need.Has(telemetry.PartLatency) {
		out.P50, out.P90, out.P95 = seconds(&t.LatencyMicros, 0.5), seconds(&t.LatencyMicros, 0.9), seconds(&t.LatencyMicros, 0.95)
		out.P99, out.P999 = seconds(&t.LatencyMicros, 0.99), seconds(&t.LatencyMicros, 0.999)
	}
	if need.Has(telemetry.PartDelay) {
		out.DelayP50, out.DelayP99 = seconds(&t.DelayMicros, 0.5), seconds(&t.DelayMicros, 0.99)
	}
	if need.Has(telemetry.PartSize) {
		out.SizeP50, out.SizeP99 = t.SizeBytes.Quantile(0.5), t.SizeBytes.Quantile(0.99)
		out.SizeAvg = ratio(float64(t.SizeBytes.Sum), float64(t.SizeBytes.Count()))
	}
	if need.Has(telemetry.PartHeartbeat) {
		out.HeartbeatPN, out.HeartbeatP90 = seconds(&t.HeartbeatMicros, 0.99), seconds(&t.HeartbeatMicros, 0.9)
		out.HeartbeatP50 = seconds(&t.HeartbeatMicros, 0.5)
	}
	fields := reflect.ValueOf(&out).Elem()
	for i := range GaugeFields {
		fields.Field(spanFields[GaugeFields[i].Field]).SetFloat(GaugeFields[i].read(s))
	}
	out.LatencyShareAbove = func(limit float64) float64 {
		return t.LatencyMicros.ShareAbove(uint64(max(limit, 0) * microsPerSecond))
	}
	out.VersionShare = func(asked ...string) float64 {
		switch {
		case slices.Contains(asked, ""): // the policy says none
			return math.NaN()
		case len(asked) == 2:
			return orderedShare(t.Versions, asked[0], asked[1])
		}
		return versionShare(t.Versions, asked[0])
	}
	out.Outdated = func(minimum string) float64 {
		if minimum == "" { // the policy says none
			return math.NaN()
		}
		return outdatedShare(t.Versions, minimum)
	}
	return out
}

func handlerErrors(t *telemetry.Totals) uint64 {
	for _, e := range t.Errors {
		if e.Class == telemetry.ErrorClassHandler {
			return min(e.Count, t.Messages)
		}
	}
	return 0
}

// unknownSpan is a stretch of which nothing is known: every field is NaN.
func unknownSpan() Span {
	nan := math.NaN()
	var out Span
	fields := reflect.ValueOf(&out).Elem()
	for i := range fields.NumField() {
		if fields.Field(i).Kind() == reflect.Float64 {
			fields.Field(i).SetFloat(nan)
		}
	}
	out.LatencyShareAbove = func(float64) float64 { return nan }
	out.VersionShare = func(...string) float64 { return nan }
	out.Outdated = func(string) float64 { return nan }
	return out
}

func seconds(h *telemetry.Histogram, quantile float64) float64 {
	return h.Quantile(quantile) / microsPerSecond
}

func ratio(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return part / whole
}

// volatility is (max-min)/median, the change rate of the message governance
// practice; 0 where the median is 0.
func volatility(rates []float64) float64 {
	if len(rates) == 0 {
		return 0
	}
	return ratio(slices.Max(rates)-slices.Min(rates), median(rates))
}

// median is the one in the middle, or the middle of the two there; 0 of nothing.
func median(rates []float64) float64 {
	if len(rates) == 0 {
		return 0
	}
	var room [32]float64 // of panes; more are allocated
	sorted := append(room[:0], rates...)
	slices.Sort(sorted)
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}
