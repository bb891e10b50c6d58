package ingest

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// Reason classes why a record was refused; it is a label of weir_refused_records_total
// and a header of the dead letter.
type Reason string

// The reasons for refusing a record.
const (
	ReasonUndecodable Reason = "undecodable"
	ReasonSchema      Reason = "schema"
	ReasonOversized   Reason = "oversized"
	ReasonTime        Reason = "time"
	ReasonLabels      Reason = "labels"
	ReasonHistogram   Reason = "histogram"
	ReasonValue       Reason = "value"
)

// Reasons lists every reason.
var Reasons = []Reason{ReasonUndecodable, ReasonSchema, ReasonOversized, ReasonTime, ReasonLabels, ReasonHistogram, ReasonValue}

// Refusal says why a record is not a report.
type Refusal struct {
	Reason Reason
	Detail string
}

func (r *Refusal) Error() string { return string(r.Reason) + ": " + r.Detail }

// Limits bound what one report may hold.
type Limits struct {
	MaxReportBytes int
	MaxExtraLabels int
	MaxLabelBytes  int
	MaxListed      int // errors, gauges, exemplars, events: each
	MaxCount       uint64
	MaxSkew        time.Duration
	MaxLength      time.Duration
}

// Defaults of Limits.
const (
	// Not smaller: a report with four full histograms takes 40 KiB. Not larger: a
	// report is one series in one interval.
	DefaultMaxReportBytes = 256 << 10
	// Not smaller: applications add a handful; not larger: each is a column entry in every row.
	DefaultMaxExtraLabels = 16
	// Not smaller: Kafka topics have up to 249 characters; not larger: labels are keys in memory.
	DefaultMaxLabelBytes = 256
	// Not smaller: exemplars come by tens; not larger: lists cost memory in every cell.
	DefaultMaxListed = 128
	// Not smaller: bytes of a minute at 100 GB/s are 2^43; not larger: 2^13 such
	// counters add up without leaving 64 bits.
	DefaultMaxCount = 1 << 50
	// A report further than this from the broker's append time is refused. Not
	// smaller: a client may be cut off for a night; not larger: a wrong clock opens
	// as many panes.
	DefaultMaxSkew = 24 * time.Hour
	// Not smaller: collectors may report by the minute; not larger: an interval
	// longer than any pane says little about its pane.
	DefaultMaxLength = 10 * time.Minute
)

// DefaultLimits returns the default bounds.
func DefaultLimits() Limits {
	return Limits{DefaultMaxReportBytes, DefaultMaxExtraLabels, DefaultMaxLabelBytes, DefaultMaxListed,
		DefaultMaxCount, DefaultMaxSkew, DefaultMaxLength}
}

func (l *Limits) check(r *telemetry.Report, appendUnixMillis int64) *Refusal {
	if r.Schema != telemetry.Schema {
		return &Refusal{ReasonSchema, fmt.Sprintf("got schema %d, this version reads %d", r.Schema, telemetry.Schema)}
	}
	if refusal := l.checkTime(r, appendUnixMillis); refusal != nil {
		return refusal
	}
	if refusal := l.checkValues(r); refusal != nil {
		return refusal
	}
	for _, h := range []*telemetry.Histogram{&r.LatencyMicros, &r.DelayMicros, &r.SizeBytes, &r.HeartbeatMicros} {
		if refusal := l.checkHistogram(h); refusal != nil {
			return refusal
		}
	}
	return nil
}

func (l *Limits) checkTime(r *telemetry.Report, appendUnixMillis int64) *Refusal {
	skew := l.MaxSkew.Milliseconds()
	if r.StartUnixMillis < appendUnixMillis-skew || r.StartUnixMillis > appendUnixMillis+skew {
		return &Refusal{ReasonTime, fmt.Sprintf("start %d ms is more than %s from the broker's time %d ms: set the client's clock",
			r.StartUnixMillis, l.MaxSkew, appendUnixMillis)}
	}
	if r.LengthMillis < 1 || int64(r.LengthMillis) > l.MaxLength.Milliseconds() {
		return &Refusal{ReasonTime, fmt.Sprintf("length is %d ms, 1 to %d are allowed", r.LengthMillis, l.MaxLength.Milliseconds())}
	}
	return nil
}

func (l *Limits) checkLabels(labels *telemetry.Labels) *Refusal {
	if !slices.Contains(telemetry.Ops, labels.Op) {
		return &Refusal{ReasonLabels, fmt.Sprintf("op is %.32q, allowed are %v", labels.Op, telemetry.Ops)}
	}
	for i, name := range telemetry.LabelNames {
		if refusal := l.checkLabel(name, *labels.FieldAt(i)); refusal != nil {
			return refusal
		}
	}
	if got := len(labels.Extra); got > l.MaxExtraLabels {
		return &Refusal{ReasonLabels, fmt.Sprintf("%d extra labels, at most %d are allowed", got, l.MaxExtraLabels)}
	}
	for i, extra := range labels.Extra {
		if refusal := l.checkExtra(labels, extra); refusal != nil {
			return refusal
		}
		if i > 0 && labels.Extra[i-1].Name >= extra.Name {
			return &Refusal{ReasonLabels, fmt.Sprintf("extra label %q is out of order or given twice: sort by name", extra.Name)}
		}
	}
	return nil
}

func (l *Limits) checkLabel(name, value string) *Refusal {
	if got := len(value); got > l.MaxLabelBytes {
		return &Refusal{ReasonLabels, fmt.Sprintf("label %s has %d bytes, at most %d are allowed", name, got, l.MaxLabelBytes)}
	}
	if telemetry.HasControl(value) {
		return &Refusal{ReasonLabels, fmt.Sprintf("label %s is %.32q: no control character is allowed", name, value)}
	}
	return nil
}

func (l *Limits) checkExtra(labels *telemetry.Labels, extra telemetry.Label) *Refusal {
	if extra.Name == "" || len(extra.Name) > l.MaxLabelBytes || len(extra.Value) > l.MaxLabelBytes {
		return &Refusal{ReasonLabels, fmt.Sprintf("extra label %.32q: name 1 to %d bytes, value at most as many", extra.Name, l.MaxLabelBytes)}
	}
	if telemetry.HasControl(extra.Name) {
		return &Refusal{ReasonLabels, fmt.Sprintf("name of extra label %.32q: no control character is allowed", extra.Name)}
	}
	if labels.Field(extra.Name) != nil {
		return &Refusal{ReasonLabels, fmt.Sprintf("extra label %q has a field of its own: use it", extra.Name)}
	}
	return l.checkLabel(extra.Name, extra.Value)
}

func (l *Limits) checkValues(r *telemetry.Report) *Refusal {
	for _, v := range []uint64{r.Messages, r.Bytes, r.Rebalances, r.DroppedReports, r.LeftOutExemplars} {
		if v > l.MaxCount {
			return &Refusal{ReasonValue, fmt.Sprintf("a counter is %d, at most %d is allowed", v, l.MaxCount)}
		}
	}
	return l.checkLists(r)
}

func (l *Limits) checkLists(r *telemetry.Report) *Refusal {
	if n := max(len(r.Errors), len(r.Gauges), len(r.Exemplars), len(r.Events)); n > l.MaxListed {
		return &Refusal{ReasonValue, fmt.Sprintf("a list has %d items, at most %d are allowed", n, l.MaxListed)}
	}
	for _, e := range r.Errors {
		if e.Class == "" || len(e.Class) > l.MaxLabelBytes || e.Count > l.MaxCount {
			return &Refusal{ReasonValue, fmt.Sprintf("error class %.32q with count %d is not allowed", e.Class, e.Count)}
		}
	}
	for _, g := range r.Gauges {
		if g.Name == "" || len(g.Name) > l.MaxLabelBytes || math.IsNaN(g.Value) || math.IsInf(g.Value, 0) || g.Value < 0 {
			return &Refusal{ReasonValue, fmt.Sprintf("gauge %.32q is %g: a name and a finite value of at least 0 are needed", g.Name, g.Value)}
		}
	}
	for _, e := range r.Exemplars {
		if len(e.TraceID) > l.MaxLabelBytes || len(e.MessageID) > l.MaxLabelBytes || len(e.ErrorClass) > l.MaxLabelBytes {
			return &Refusal{ReasonValue, fmt.Sprintf("an exemplar's id or error class is longer than %d bytes", l.MaxLabelBytes)}
		}
	}
	for _, e := range r.Events {
		if !e.Kind.Known() || len(e.Detail) > l.MaxLabelBytes {
			return &Refusal{ReasonValue, fmt.Sprintf("event of kind %d is not known or its detail too long", e.Kind)}
		}
	}
	return nil
}

func (l *Limits) checkHistogram(h *telemetry.Histogram) *Refusal {
	if len(h.Indexes) != len(h.Counts) {
		return &Refusal{ReasonHistogram, fmt.Sprintf("%d indexes but %d counts", len(h.Indexes), len(h.Counts))}
	}
	if h.Sum > l.MaxCount {
		return &Refusal{ReasonHistogram, fmt.Sprintf("sum is %d, at most %d is allowed", h.Sum, l.MaxCount)}
	}
	for i, index := range h.Indexes {
		if index < telemetry.ZeroBucket || index >= telemetry.MaxHistogramBuckets {
			return &Refusal{ReasonHistogram, fmt.Sprintf("index %d, allowed are -1 to %d", index, telemetry.MaxHistogramBuckets-1)}
		}
		if i > 0 && h.Indexes[i-1] >= index {
			return &Refusal{ReasonHistogram, fmt.Sprintf("index %d comes after %d: they must ascend", index, h.Indexes[i-1])}
		}
		if h.Counts[i] == 0 || h.Counts[i] > l.MaxCount {
			return &Refusal{ReasonHistogram, fmt.Sprintf("count of index %d is %d, allowed are 1 to %d", index, h.Counts[i], l.MaxCount)}
		}
	}
	if h.MaxOff() {
		last := "there is no bucket"
		if n := len(h.Indexes); n > 0 {
			last = fmt.Sprintf("bucket %d is the last", h.Indexes[n-1])
		}
		return &Refusal{ReasonHistogram, fmt.Sprintf("max is %d, but %s: send the greatest value", h.Max, last)}
	}
	return nil
}
