package pipeline

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/telemetry"
)

// storedTotals is what the store must hold of a log: sums by series and pane, and a row of the ledger by segment.
type storedTotals struct {
	Cells  map[string]cellSums
	Ledger map[string]ledgerRow
}

type cellSums struct{ Reports, Messages, Bytes, Errors, LatencySumMicros uint64 }

type ledgerRow struct {
	Reports, Refused, Bytes uint64
	First, End              int64
}

func newStoredTotals() *storedTotals {
	return &storedTotals{map[string]cellSums{}, map[string]ledgerRow{}}
}

func (t *storedTotals) add(series string, pane time.Time, sums cellSums) {
	key := fmt.Sprint(series, " in ", pane.Unix())
	old := t.Cells[key]
	t.Cells[key] = cellSums{old.Reports + sums.Reports, old.Messages + sums.Messages, old.Bytes + sums.Bytes, old.Errors + sums.Errors,
		old.LatencySumMicros + sums.LatencySumMicros}
}

func segmentName(source string, block uint64, minute time.Time) string {
	return fmt.Sprint(source, " block ", block, " minute ", minute.Unix())
}

// countLog reads each partition of weir.telemetry once from its begin to its end, without batches, versions or faults.
func (s *simulation) countLog() *storedTotals {
	out := newStoredTotals()
	for _, topic := range append(slices.Clone(s.kafka.deleted), s.kafka.topics[telemetry.TopicTelemetry]) {
		for partition := range topic.partitions {
			source := telemetry.Source{TopicID: topic.id, Partition: int32(partition)}.String()
			highest := map[int64]time.Time{} // minute, by block
			for _, record := range topic.partitions[partition].records {
				block := record.Offset / telemetry.BlockOffsets
				if minute := record.Timestamp.Truncate(time.Minute); minute.After(highest[block]) {
					highest[block] = minute
				}
				key := segmentName(source, uint64(block), highest[block])
				row, known := out.Ledger[key]
				if !known {
					row.First = record.Offset
				}
				row.End = record.Offset + 1
				row.Bytes += uint64(len(record.Value))
				if report := s.kafka.reports[record]; report == nil {
					row.Refused++
				} else {
					row.Reports++
					out.count(s.world.pane, record.Timestamp, report)
				}
				out.Ledger[key] = row
			}
		}
	}
	return out
}

func (t *storedTotals) count(pane time.Duration, appended time.Time, r *telemetry.Report) {
	start := time.UnixMilli(r.StartUnixMillis).UTC()
	if earliest := appended.Add(-simulatedTolerance); start.Before(earliest) {
		start = earliest
	}
	if latest := appended.Add(simulatedTolerance); start.After(latest) {
		start = latest
	}
	sums := cellSums{1, r.Messages, r.Bytes, 0, r.LatencyMicros.Sum}
	for _, e := range r.Errors {
		sums.Errors += e.Count
	}
	t.add(seriesName(r.Labels.Topic, r.Labels.Op, r.Labels.Client), start.Truncate(pane), sums)
}

func seriesName(topic, op, client string) string {
	return strings.Join([]string{topic, op, client}, "/")
}

// totals reads the store as people do: FINAL, added up over sources and segments.
func (d *simulatedStore) totals() *storedTotals {
	out := newStoredTotals()
	for _, row := range d.tables["rollup_10s"].rows {
		text := func(name string) string { return d.tables["rollup_10s"].column(row, name).(string) }
		number := func(name string) uint64 { return d.tables["rollup_10s"].column(row, name).(uint64) }
		out.add(seriesName(text("topic"), text("op"), text("client")), d.tables["rollup_10s"].column(row, "ts").(time.Time),
			cellSums{number("reports"), number("messages"), number("bytes"), number("errors"), number("latency_sum_us")})
	}
	for _, row := range d.tables["ledger"].rows {
		of := func(name string) any { return d.tables["ledger"].column(row, name) }
		out.Ledger[segmentName(of("source").(string), of("segment_block").(uint64), of("segment_minute").(time.Time))] = ledgerRow{
			of("reports").(uint64), of("refused").(uint64), of("bytes").(uint64), of("first_offset").(int64), of("end_offset").(int64)}
	}
	return out
}

// life is one life of an alert, in event time since the history began. Resolved is 0 where it goes on.
type life struct{ Fired, Resolved time.Duration }

// lives are the lives of all alerts as weir.alerts tells them, by fingerprint. What is published twice is the same.
func (s *simulation) lives() (map[string][]life, error) {
	transitions := map[string][]telemetry.Alert{}
	for _, record := range s.kafka.published {
		alert, err := decodeAlert(record)
		if err != nil {
			return nil, err
		}
		if alert != nil && alert.Transition && alert.Labels["topic"] != strayTopic {
			transitions[alert.ID] = append(transitions[alert.ID], *alert)
		}
	}
	out := map[string][]life{}
	for id, alerts := range transitions {
		slices.SortStableFunc(alerts, func(a, b telemetry.Alert) int {
			return cmp.Or(a.ActiveAt.Compare(b.ActiveAt), cmp.Compare(a.Seq, b.Seq))
		})
		for i, alert := range alerts {
			if i > 0 && alert.Seq == alerts[i-1].Seq && alert.ActiveAt.Equal(alerts[i-1].ActiveAt) {
				if alert.State != alerts[i-1].State || !alert.EvaluatedAt.Equal(alerts[i-1].EvaluatedAt) {
					return nil, fmt.Errorf("%s: transition %d is published as %s at %s and as %s at %s", describeAlert(&alert), alert.Seq,
						alerts[i-1].State, s.since(alerts[i-1].EvaluatedAt), alert.State, s.since(alert.EvaluatedAt))
				}
				continue
			}
			switch lives := out[id]; alert.State {
			case telemetry.AlertFiring:
				out[id] = append(lives, life{Fired: s.since(alert.FiredAt)})
			case telemetry.AlertResolved:
				if len(lives) == 0 || lives[len(lives)-1].Resolved != 0 {
					return nil, fmt.Errorf("%s resolves at %s, and does not fire", describeAlert(&alert), s.since(alert.ResolvedAt))
				}
				lives[len(lives)-1].Resolved = s.since(alert.ResolvedAt)
			}
		}
		if s.names[id] == "" {
			s.names[id] = describeAlert(&alerts[0])
		}
	}
	return out, nil
}

func (s *simulation) since(t time.Time) time.Duration { return t.Sub(s.began) }

func describeAlert(alert *telemetry.Alert) string {
	text, err := json.Marshal(alert.Labels)
	if err != nil {
		panic(err) // labels are text
	}
	return string(text)
}

// maxDelay is how much later in event time than in an undisturbed run an alert may fire or resolve: while a source is
// behind or has no worker, nothing is known.
const maxDelay = 2*trouble + 30*time.Second

// firstKnown is how long it depends on the first watermarks what is known: an alert fires a pane sooner or later.
const firstKnown = 90 * time.Second

// compareHistories says how a history differs from what its log holds, and from its undisturbed run.
func compareHistories(undisturbed, s *simulation) string {
	for name, run := range map[string]*simulation{"the undisturbed run": undisturbed, "the run": s} {
		if diff := gocmp.Diff(run.countLog(), run.store.totals()); diff != "" {
			return name + " stored other totals than its log holds (-log +store):\n" + diff
		}
	}
	want, err := undisturbed.lives()
	if err != nil {
		return "the undisturbed run: " + err.Error()
	}
	got, err := s.lives()
	if err != nil {
		return err.Error()
	}
	var faults []string
	for id := range got {
		if want[id] == nil {
			faults = append(faults, fmt.Sprintf("%s lived %v, and not in the undisturbed run", s.names[id], got[id]))
		}
	}
	for id, lives := range want {
		if fault := compareLives(lives, got[id]); fault != "" {
			faults = append(faults, undisturbed.names[id]+": "+fault)
		}
		for name, run := range map[string]*simulation{"of the undisturbed run": undisturbed, "": s} {
			if fault := compareTold(lives, run.alertmanager.told[id]); fault != "" {
				faults = append(faults, undisturbed.names[id]+": the receiver "+name+fault)
			}
		}
	}
	slices.Sort(faults)
	return strings.Join(faults, "\n")
}

func compareLives(want, got []life) string {
	late := func(want, got time.Duration) bool {
		return got < want && want > firstKnown || got > want+maxDelay
	}
	same := len(want) == len(got)
	for i := 0; same && i < len(want); i++ {
		same = !late(want[i].Fired, got[i].Fired) && (want[i].Resolved == 0) == (got[i].Resolved == 0) && !late(want[i].Resolved, got[i].Resolved)
	}
	if same {
		return ""
	}
	return fmt.Sprintf("lived %v, undisturbed %v", got, want)
}

// compareTold says how what the receiver was told differs from an alert's lives. Where Alertmanager forgot whom it had
// told, it may tell again that an alert fires, and cannot tell that it resolved. What fired and resolved while it was away
// need not be told at all.
func compareTold(lives []life, told []string) string {
	var fired, resolved, forgot int
	inTurn := true
	last := "resolved"
	for _, state := range told {
		switch state {
		case "forgot":
			forgot++
			last = "resolved"
			continue
		case "firing":
			fired++
		case "resolved":
			resolved++
		}
		inTurn = inTurn && state != last
		last = state
	}
	var ended, short int
	for _, life := range lives {
		if life.Resolved != 0 {
			ended++
		}
		if life.Resolved != 0 && life.Resolved-life.Fired < 2*trouble { // with the pause before the notifier tries again
			short++
		}
	}
	if inTurn && fired >= len(lives)-short && fired <= len(lives)+forgot && resolved <= ended && resolved >= ended-short-forgot {
		return ""
	}
	return fmt.Sprintf("was told %v, lives are %v", told, lives)
}
