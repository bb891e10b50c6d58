package rules

import (
	"maps"
	"math"
	"math/bits"

	"github.com/expr-lang/expr/ast"

	"github.com/weirmq/weir/telemetry"
)

// section is a part of a group's totals that is added up by itself, so that only what rules
// read is: of a window of an hour a histogram takes 360 merges, a rate 360 additions.
type section uint8

const (
	sectionCounters section = iota // messages, bytes, rebalances, late reports
	sectionErrors
	sectionLatencyMax
	sectionSizeMax
	sectionLatency
	sectionDelay
	sectionSize
	sectionHeartbeat
	sectionDistincts
	sectionGauges
	sectionRates    // the panes' rates
	sectionDeparted // clients of the window before that are gone
)

// columnField is a numeric field as a column: the section it is read from, and how. It
// computes what stretch.span does.
type columnField struct {
	section section
	read    func(s *stretch) float64
	against *versionField // what is read instead where that depends on a version of the policy
}

// versionField is read against the lowest version that the policy allows for a group.
type versionField struct {
	read    func(s *stretch, minimum string) float64
	minimum policyKey
}

// quantile is the column of a quantile of a histogram, divided by the unit.
func quantile(of section, q, unit float64) columnField {
	kind := of.kind()
	return columnField{section: of, read: func(s *stretch) float64 { return histogramOf(kind, &s.totals).Quantile(q) / unit }}
}

// sections is a set of them.
type sections uint16

func setOf(of ...section) (out sections) {
	for _, each := range of {
		out |= 1 << each
	}
	return out
}

func (s sections) has(of section) bool { return s&(1<<of) != 0 }

// each calls with every section of the set.
func (s sections) each(yield func(section) bool) {
	for ; s != 0; s &= s - 1 {
		if !yield(section(bits.TrailingZeros16(uint16(s)))) {
			return
		}
	}
}

// slides says that a section is added up of whole numbers, or is a list of what each pane has.
func (s section) slides() bool {
	return s != sectionGauges && s != sectionDeparted
}

// needs are the sections that a section's fields read.
func (s section) needs() sections {
	if s == sectionErrors { // a rate is of messages
		return setOf(sectionCounters, sectionErrors)
	}
	return setOf(s)
}

// The histograms of totals.
const (
	kindLatency = iota
	kindDelay
	kindSize
	kindHeartbeat
	histogramKinds
)

// By kind of histogram: the section that reads its buckets, and those that read its maximum.
var (
	histogramSections = [histogramKinds]section{sectionLatency, sectionDelay, sectionSize, sectionHeartbeat}
	peakSections      = [histogramKinds]sections{setOf(sectionLatency, sectionLatencyMax), setOf(sectionDelay), setOf(sectionSize, sectionSizeMax), setOf(sectionHeartbeat)}
)

// kind is that of the histogram which a section reads, -1 where it reads none.
func (s section) kind() int {
	switch s {
	case sectionLatency, sectionLatencyMax:
		return kindLatency
	case sectionDelay:
		return kindDelay
	case sectionSize, sectionSizeMax:
		return kindSize
	case sectionHeartbeat:
		return kindHeartbeat
	}
	return -1
}

func histogramOf(kind int, t *telemetry.Totals) *telemetry.Histogram {
	switch kind {
	case kindLatency:
		return &t.LatencyMicros
	case kindDelay:
		return &t.DelayMicros
	case kindSize:
		return &t.SizeBytes
	}
	return &t.HeartbeatMicros
}

// maximum is the greatest value of a histogram, 0 of nothing.
func maximum(h *telemetry.Histogram) uint64 {
	if len(h.Indexes) == 0 {
		return 0
	}
	return h.Max
}

// fieldSections are the numeric fields that are columns. What is not listed is left to
// expr.Run.
var fieldSections = func() map[string]columnField {
	out := maps.Clone(countedFields)
	for i := range GaugeFields {
		out[GaugeFields[i].Field] = columnField{section: sectionGauges, read: GaugeFields[i].read}
	}
	return out
}()

// countedFields are the fields that are not made of gauges.
var countedFields = map[string]columnField{
	"tps":           {section: sectionCounters, read: func(s *stretch) float64 { return float64(s.totals.Messages) / s.seconds }},
	"bps":           {section: sectionCounters, read: func(s *stretch) float64 { return float64(s.totals.Bytes) / s.seconds }},
	"messages":      {section: sectionCounters, read: func(s *stretch) float64 { return float64(s.totals.Messages) }},
	"bytes":         {section: sectionCounters, read: func(s *stretch) float64 { return float64(s.totals.Bytes) }},
	"rebalances":    {section: sectionCounters, read: func(s *stretch) float64 { return float64(s.totals.Rebalances) }},
	"errors":        {section: sectionErrors, read: func(s *stretch) float64 { return float64(s.totals.ErrorTotal()) }},
	"error_rate":    {section: sectionErrors, read: errorRate},
	"latency_max":   {section: sectionLatencyMax, read: func(s *stretch) float64 { return float64(s.totals.LatencyMicros.Max) / microsPerSecond }},
	"size_max":      {section: sectionSizeMax, read: func(s *stretch) float64 { return float64(s.totals.SizeBytes.Max) }},
	"p50":           quantile(sectionLatency, 0.5, microsPerSecond),
	"p90":           quantile(sectionLatency, 0.9, microsPerSecond),
	"p95":           quantile(sectionLatency, 0.95, microsPerSecond),
	"p99":           quantile(sectionLatency, 0.99, microsPerSecond),
	"p999":          quantile(sectionLatency, 0.999, microsPerSecond),
	"delay_p50":     quantile(sectionDelay, 0.5, microsPerSecond),
	"delay_p99":     quantile(sectionDelay, 0.99, microsPerSecond),
	"size_p50":      quantile(sectionSize, 0.5, 1),
	"size_p99":      quantile(sectionSize, 0.99, 1),
	"heartbeat_p50": quantile(sectionHeartbeat, 0.5, microsPerSecond),
	"heartbeat_p90": quantile(sectionHeartbeat, 0.9, microsPerSecond),
	"heartbeat_p99": quantile(sectionHeartbeat, 0.99, microsPerSecond),
	"size_avg": {section: sectionSize, read: func(s *stretch) float64 {
		return ratio(float64(s.totals.SizeBytes.Sum), float64(s.totals.SizeBytes.Count()))
	}},
	"clients":       {section: sectionDistincts, read: func(s *stretch) float64 { return float64(uint64(len(s.totals.Clients)) + s.totals.OverflowedClients) }},
	"nodes":         {section: sectionDistincts, read: func(s *stretch) float64 { return float64(len(s.totals.Nodes)) }},
	"tps_median":    {section: sectionRates, read: func(s *stretch) float64 { return median(s.paneTPS) }},
	"volatility":    {section: sectionRates, read: func(s *stretch) float64 { return volatility(s.paneTPS) }},
	departedClients: {section: sectionDeparted, read: nil},
}

func errorRate(s *stretch) float64 {
	failed := float64(s.totals.ErrorTotal())
	return ratio(failed, float64(s.totals.Messages)+failed-float64(handlerErrors(&s.totals)))
}

// callField is the column of a function with a constant argument, or with a version of the policy.
func callField(name string, arguments []ast.Node, by []string) (columnField, bool) {
	if len(arguments) == 0 {
		return columnField{}, false
	}
	last := arguments[len(arguments)-1]
	if name == "latency_share_above" {
		limit, ok := ConstantNumber(last)
		above := uint64(max(limit, 0) * microsPerSecond)
		return columnField{section: sectionLatency, read: func(s *stretch) float64 { return s.totals.LatencyMicros.ShareAbove(above) }}, ok
	}
	share, ok := shareOf(name, arguments)
	if !ok {
		return columnField{}, false
	}
	if text, constant := last.(*ast.StringNode); constant {
		return columnField{section: sectionDistincts, read: func(s *stretch) float64 { return share(s.totals.Versions, text.Value) }}, true
	}
	minimum, ok := minimumOf(last, by)
	return columnField{section: sectionDistincts, against: &versionField{func(s *stretch, minimum string) float64 {
		if minimum == "" { // the policy says none
			return math.NaN()
		}
		return share(s.totals.Versions, minimum)
	}, minimum}}, ok
}

// shareOf is the function of a share of versions, with all arguments but the version.
func shareOf(name string, arguments []ast.Node) (share func(versions []telemetry.VersionTotals, version string) float64, ok bool) {
	switch {
	case name == "outdated" && len(arguments) == 1:
		return outdatedShare, true
	case name == versionShareName && len(arguments) == 1:
		return versionShare, true
	case name == versionShareName && len(arguments) == 2:
		operator, constant := arguments[0].(*ast.StringNode)
		return func(versions []telemetry.VersionTotals, version string) float64 {
			return orderedShare(versions, operator.Value, version)
		}, constant
	}
	return nil, false
}

// ConstantNumber is the number that a node of a patched tree is, in seconds, bytes, bytes per second or as a share; ok is false
// where it is none.
func ConstantNumber(node ast.Node) (number float64, ok bool) {
	switch n := node.(type) {
	case *ast.IntegerNode:
		return float64(n.Value), true
	case *ast.FloatNode:
		return n.Value, true
	case *ast.ConstantNode:
		number, ok := n.Value.(float64)
		return number, ok
	}
	return 0, false
}

// adder adds up gauges, of one group at a time, in memory that serves again.
type adder struct {
	pane  int64 // seconds
	total stretch
}

// add adds up the gauges of a group's panes in [from, to).
func (a *adder) add(g *groupState, over *stand) *stretch {
	out := &a.total
	out.totals.Reset()
	out.skews, out.seconds = out.skews[:0], float64(over.to-over.from)
	for at := over.from; at < over.to; at += a.pane {
		t := g.panes.totals(at)
		if t == nil {
			continue
		}
		out.totals.Reports += t.Reports
		out.totals.MergeGauges(t)
		if times, ok := skew(t, telemetry.GaugePartitionRate); ok {
			out.skews = append(out.skews, times)
		}
	}
	return out
}
