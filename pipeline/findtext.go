package pipeline

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// notes say what is not among the steps, and why.
func (f *Found) notes() []string {
	if len(f.Hops) > 0 {
		return append(f.notesOfFound(), f.commitNotes()...)
	}
	return append(f.notesOfNothing(), f.commitNotes()...)
}

func (f *Found) notesOfNothing() []string {
	of, when := "of all topics", "in all the time that is stored"
	if f.Topic != "" {
		of = "of the topic " + telemetry.Printable(f.Topic)
	}
	switch {
	case !f.From.IsZero() && !f.To.IsZero():
		when = "from " + moment(f.From) + " to " + moment(f.To)
	case !f.From.IsZero():
		when = "from " + moment(f.From) + " on"
	case !f.To.IsZero():
		when = "before " + moment(f.To)
	}
	held := f.Held
	if held.Steps == 0 {
		return []string{fmt.Sprintf("No step of any message %s is stored %s.", of, when),
			"A step is stored some seconds after its client's report, for as long as clickhouse.retention says, seven days by default: see clickhouse in weir's status, and trace_hops for its TTL."}
	}
	notes := []string{fmt.Sprintf("Searched %d steps of messages %s, %s: the first of %s, the last of %s.",
		held.Steps, of, when, moment(held.First), moment(held.Last)), f.whySampled()}
	if placed, ok := parseOffsetMsgID(f.ID); ok {
		notes = append(notes, fmt.Sprintf("It looks like the offsetMsgId that broker %s gave at %d of its commit log; clients report the msgId that its producer gave: "+
			"mqadmin queryMsgById -i %s shows it as UNIQ_KEY.", placed.broker, placed.offset, f.ID))
	}
	if held.LeftOut > 0 {
		notes = append(notes, fmt.Sprintf("%d failed, slow or sampled steps had no room in the reports of their senders.", held.LeftOut))
	}
	return notes
}

func (f *Found) notesOfFound() []string {
	var oneOf uint32
	for i := range f.Hops {
		oneOf = max(oneOf, f.Hops[i].SampledOf)
	}
	note := "Every failed and every slow step is kept as far as reports have room. A step that is missing went well"
	if oneOf > 0 {
		note = fmt.Sprintf("Kept are failed and slow steps, as far as reports have room, and of the others those of one message in %d. A step that is missing here was not taken, or its client does not report", oneOf)
	}
	notes := []string{note + "."}
	switch {
	case f.More && len(f.Hops) >= clickhouse.MaxFoundHops:
		notes = append(notes, fmt.Sprintf("Only the first %d steps are listed: give --from or --to.", clickhouse.MaxFoundHops))
	case f.More:
		notes = append(notes, "There are more messages of the trace than are looked for by their own ids: ask for each of the others by its id.")
	}
	return notes
}

// whySampled says whether the message is one of those that are kept although nothing is wrong with them.
func (f *Found) whySampled() string {
	oneOf := f.Held.SampledOf
	if !hasForm(f.ID) {
		return fmt.Sprintf("%s is of no form that clients give: %s. It was looked for as it stands, as a producer may choose its ids.", telemetry.Printable(f.ID), idForms)
	}
	if oneOf == 0 {
		return "None of them was sampled: kept are failed and slow steps, and the slowest and largest messages."
	}
	hash, byTrace := sampledBy(f.ID)
	unless := ""
	if !byTrace {
		unless = " (unless it has a trace id, which decides then)"
	}
	rate := fmt.Sprintf("one message in %d", oneOf)
	if telemetry.Sampled(hash, oneOf) {
		return fmt.Sprintf("By its id it is the %s whose every step is kept%s: no client that reports has met it in that time.", rate, unless)
	}
	return fmt.Sprintf("By its id it is not the %s whose every step is kept%s: only a failed or a slow step of it would be here. That there is none says nothing of whether it arrived.", rate, unless)
}

func moment(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05Z") }

// writeText prints the steps as a table, one a line.
func (f *Found) writeText(to io.Writer) error {
	if len(f.Hops) == 0 {
		fmt.Fprintf(to, "nothing is known of %s\n", telemetry.Printable(f.ID)) // what fails here fails below, too
	} else {
		f.writeHops(to)
	}
	fmt.Fprintln(to)
	_, err := fmt.Fprintln(to, strings.Join(f.Notes, "\n"))
	return err
}

func (f *Found) writeHops(to io.Writer) {
	first := &f.Hops[0]
	fmt.Fprintf(to, "%s  %s\n\n", telemetry.Printable(f.ID), telemetry.Printable(strings.TrimSpace(first.Env+" "+first.Cluster)))
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "time\tafter\tstep\tmessage\tgroup\tclient\tnode\twhat\tkept")
	for i := range f.Hops {
		h := &f.Hops[i]
		where := cmp.Or(h.MessageID, h.Topic)
		if h.Cluster != first.Cluster || h.Env != first.Env {
			where = strings.TrimSpace(h.Env+" "+h.Cluster) + " " + where
		}
		cells := []string{h.Shown().UTC().Format("2006-01-02 15:04:05.000Z"), "+" + h.Shown().Sub(first.Shown()).Round(time.Millisecond).String(), stepText(h),
			where, dash(h.Group), dash(h.Client), dash(h.Node), whatText(h), dash(h.Kept)}
		for i := range cells {
			cells[i] = telemetry.Printable(cells[i])
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	_ = table.Flush() // fails where the next line fails
}

func dash(text string) string { return cmp.Or(text, "-") }

// stepText names a step; one of a sender that does not say which it was is named by the op of its report.
func stepText(h *clickhouse.Hop) string {
	text := strings.ReplaceAll(cmp.Or(h.Step, h.Op), "_", " ")
	if h.ErrorClass != "" && h.Step == telemetry.StepSent.String() {
		return "not sent"
	}
	return text
}

// whatText is what was measured of a step.
func whatText(h *clickhouse.Hop) string {
	var parts []string
	if h.ErrorClass != "" {
		parts = append(parts, "failed: "+h.ErrorClass)
	}
	if h.Attempt > 0 {
		parts = append(parts, "attempt "+strconv.FormatUint(uint64(h.Attempt), 10))
	}
	for _, of := range []struct {
		name   string
		micros uint64
	}{{"took", h.LatencyMicros}, {"waited", h.DelayMicros}} {
		if of.micros > 0 {
			parts = append(parts, of.name+" "+(time.Duration(of.micros)*time.Microsecond).String())
		}
	}
	if h.SizeBytes > 0 {
		parts = append(parts, strconv.FormatUint(h.SizeBytes, 10)+" B")
	}
	return dash(strings.Join(parts, ", "))
}
