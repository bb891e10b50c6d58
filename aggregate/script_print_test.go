package aggregate

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// since is a time as scripts write it.
func since(at time.Time) string {
	if at.IsZero() {
		return "none"
	}
	return at.Sub(epoch).String()
}

// print writes a flush under the command that made it.
func (p *player) print(flush *Flush) {
	p.printf("> %s\n", p.line)
	if flush.Empty() {
		p.printf("nothing\n")
	}
	for _, batch := range cellsOf(p.t, flush) {
		segment := fmt.Sprintf("%d/%d", batch.Segment.Block, batch.Segment.MinuteUnix-epoch.Unix()/60)
		var lines []string
		for i := range batch.Cells {
			c := &batch.Cells[i]
			lines = append(lines, fmt.Sprintf("cell %s [%s] %s: %s\n", segment, since(c.Pane), labelsText(&c.Labels), totalsText(&c.Totals)))
		}
		slices.Sort(lines)
		p.printf("%s", strings.Join(lines, ""))
		if l := batch.Ledger; l != nil {
			state := "open"
			if l.Closed {
				state = "closed"
			}
			p.printf("ledger %s %s: reports=%d refused=%d bytes=%d offsets=[%d,%d)\n", segment, state, l.Reports, l.Refused, l.Bytes,
				l.FirstOffset, l.EndOffset)
		}
	}
	for _, group := range groupsOf(p.t, flush) {
		segment := fmt.Sprintf("%d/%d", flush.segment.Block, flush.segment.MinuteUnix-epoch.Unix()/60)
		for i := range group.Partials {
			partial := &group.Partials[i]
			p.printf("group %s [%s] %s=%s: %s\n", segment, since(partial.Pane), group.Grouping, strings.Join(group.Values, "+"), totalsText(&partial.Totals))
		}
	}
	if flush.CommitOffset >= 0 {
		p.printf("commit %d\n", flush.CommitOffset)
	}
}

// printExcess writes what was over a limit.
func (p *player) printExcess(excess *Excess) {
	if excess == nil {
		p.printf("no excess\n")
		return
	}
	p.printf("excess in the minute of %s: reports=%d\n", since(excess.Minute), excess.Reports)
	for _, topic := range excess.Topics {
		p.printf("excess of %q %s: reports=%d", topic.Topic, topic.Op, topic.Reports)
		for _, label := range topic.Labels {
			p.printf(" %s=%d", label.Name, label.Values)
		}
		p.printf("\n")
	}
}

// cellsOf reads what a flush writes to weir.cells.
func cellsOf(t *testing.T, flush *Flush) []telemetry.CellBatch {
	t.Helper()
	var out []telemetry.CellBatch
	flush.EachCellRecord(1<<20, func(value []byte) {
		batch, err := telemetry.UnmarshalCellBatch(value)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, batch)
	})
	return out
}

// groupsOf reads what a flush writes to weir.groups.
func groupsOf(t testing.TB, flush *Flush) []telemetry.GroupPartials {
	t.Helper()
	var out []telemetry.GroupPartials
	flush.EachGroupRecord(1, 1<<20, func(_ int32, value []byte) {
		batch, err := telemetry.UnmarshalGroupBatch(value)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, batch.Groups...)
	})
	return out
}

// labelsOf reads the labels that a test's report has beside their encoding.
type labelsOfReport struct{ report *telemetry.Report }

func labelsOf(r *telemetry.Report) LabelReader { return labelsOfReport{r} }

func (l labelsOfReport) ReadLabels(_ []byte, into *telemetry.Labels) error {
	*into = l.report.Labels
	return nil
}

func labelsText(l *telemetry.Labels) string {
	var parts []string
	for i, name := range telemetry.LabelNames {
		if value := *l.FieldAt(i); value != "" {
			parts = append(parts, name+"="+value)
		}
	}
	for _, extra := range l.Extra {
		parts = append(parts, extra.Name+"="+extra.Value)
	}
	return strings.Join(parts, ",")
}

// totalsText writes what is not zero.
func totalsText(t *telemetry.Totals) string {
	parts := []string{fmt.Sprintf("reports=%d", t.Reports)}
	for _, n := range []struct {
		name  string
		value uint64
	}{{"messages", t.Messages}, {"errors", t.ErrorTotal()}, {"latencies", t.LatencyMicros.Count()}, {"more_clients", t.OverflowedClients}} {
		if n.value != 0 {
			parts = append(parts, fmt.Sprintf("%s=%d", n.name, n.value))
		}
	}
	for _, list := range []struct {
		name   string
		values []string
	}{{"clients", t.Clients}, {"nodes", t.Nodes}, {"stopped", t.StoppedClients}} {
		if len(list.values) > 0 {
			parts = append(parts, list.name+"="+strings.Join(list.values, "+"))
		}
	}
	for _, g := range t.Gauges {
		parts = append(parts, fmt.Sprintf("%s@%s{last=%g max=%g sum=%g min=%g series=%d}", g.Name, since(time.UnixMilli(g.TimeUnixMillis)),
			g.Last, g.Max, g.Sum, g.Min, g.Series))
	}
	for _, v := range t.Versions {
		parts = append(parts, fmt.Sprintf("%s-%s{messages=%d clients=%s}", v.SDKLang, v.SDKVersion, v.Messages, strings.Join(v.Clients, "+")))
	}
	return strings.Join(parts, " ")
}
