package rules

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/weirmq/weir/telemetry"
)

// paneState holds, for every source and segment, the partial of the highest version. Most panes have one.
type paneState struct {
	parts   []contribution    // in the order of what they are of
	first   [1]contribution   // memory of parts, while there is one
	merged  *telemetry.Totals // of all parts; nil after a change
	omitted telemetry.Parts   // by some part of merged
	late    uint64            // reports that came after the source's watermark
}

// contribution is what a part holds in its highest version, and what that lacks.
type contribution struct {
	of      part
	totals  *telemetry.Totals // nil where all of it came late
	own     bool              // nobody writes to totals
	omitted telemetry.Parts
	late    uint64 // reports that came late, of the highest version that did
}

type part struct {
	source  telemetry.Source
	segment telemetry.Segment
}

// compare orders the segments of a source by their place in it.
func (p part) compare(o part) int {
	return cmp.Or(bytes.Compare(p.source.TopicID[:], o.source.TopicID[:]), cmp.Compare(p.source.Partition, o.source.Partition),
		cmp.Compare(p.segment.Block, o.segment.Block), cmp.Compare(p.segment.MinuteUnix, o.segment.MinuteUnix))
}

// put keeps the higher version, of equal ones the one that lacks less, and says by how
// many reports a closed pane grew.
func (p *paneState) put(came contribution, closed bool) (late uint64) {
	at, found := slices.BinarySearchFunc(p.parts, came.of, func(c contribution, of part) int { return c.of.compare(of) })
	old := contribution{of: came.of}
	if found {
		old = p.parts[at]
	}
	var known uint64
	if old.totals != nil {
		known = old.totals.Reports
	}
	lacksLess := came.omitted != old.omitted && !came.omitted.Has(^old.omitted)
	if came.totals.Reports < known || came.totals.Reports == known && !lacksLess {
		return 0
	}
	if !found {
		if p.parts == nil {
			p.parts = p.first[:0]
		}
		p.parts = slices.Insert(p.parts, at, old)
	}
	if grown := came.totals.Reports - known; closed && grown > 0 {
		late = grown - min(grown, old.late)
		p.parts[at].late += late
		p.late += late
		return late
	}
	kept := came.totals
	if !came.own { // not the memory of the whole batch
		copied := kept.Clone()
		kept = &copied
	}
	p.parts[at].totals, p.parts[at].omitted = kept, came.omitted
	p.merged = nil
	return 0
}

// total merges all parts. Sources see different series, so their gauges add up. The
// segments of one source see the same series again where a pane spans the minute at
// which a segment ends: of each gauge one of them counts.
func (p *paneState) total() *telemetry.Totals {
	if p.merged != nil {
		return p.merged
	}
	p.omitted = 0
	if len(p.parts) == 1 && p.parts[0].totals != nil { // merged is only read
		p.merged, p.omitted = p.parts[0].totals, p.parts[0].omitted
		return p.merged
	}
	p.merged = &telemetry.Totals{}
	for rest := p.parts; len(rest) > 0; {
		source := &telemetry.Totals{}
		segments := 0
		for ; segments < len(rest) && rest[segments].of.source == rest[0].of.source; segments++ {
			p.addSegment(source, &rest[segments])
		}
		p.merged.MergeSources(source)
		rest = rest[segments:]
	}
	return p.merged
}

// addSegment adds what a segment of a source holds to what the segments before it do.
func (p *paneState) addSegment(source *telemetry.Totals, segment *contribution) {
	if segment.totals == nil {
		return
	}
	next := *segment.totals
	p.omitted |= segment.omitted
	gauges := fullerGauges(source.Gauges, next.Gauges)
	next.Gauges = nil
	source.MergeSources(&next)
	source.Gauges = gauges
}

// fullerGauges takes of each gauge the later segment's, unless it has heard of fewer
// series yet: then the earlier one's, which is older by seconds but whole.
func fullerGauges(earlier, later []telemetry.GaugeValue) []telemetry.GaugeValue {
	out := slices.Clone(earlier)
	for _, gauge := range later {
		at, found := slices.BinarySearchFunc(out, gauge.Name, func(g telemetry.GaugeValue, name string) int { return strings.Compare(g.Name, name) })
		switch {
		case !found:
			out = slices.Insert(out, at, gauge)
		case gauge.Series >= out[at].Series:
			out[at] = gauge
		}
	}
	return out
}
