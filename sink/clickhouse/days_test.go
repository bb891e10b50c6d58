package clickhouse

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/telemetry"
)

// TestADayIsWhatItsCellsAddUpTo of each series, however often cells were written: counters and histograms of all of them, hours,
// and of gauges the newest pane.
func TestADayIsWhatItsCellsAddUpTo(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for _, batches := range newHistory(7).telling() {
		s.write(batches...)
	}
	day := time.Now().UTC().Truncate(24 * time.Hour)
	want, measured := map[string]*telemetry.SeriesDay{}, map[*telemetry.SeriesDay][2]int64{} // pane, and time in it
	err := s.ReadCells(t.Context(), Range{From: day, To: day.Add(24 * time.Hour)}, func(cells *telemetry.StoredCells) error {
		for i := range cells.Cells {
			c := &cells.Cells[i]
			at := dayOf(want, cells.Labels[c.Series])
			at.Hours[time.Unix(c.PaneUnix, 0).UTC().Hour()] += c.Totals.Messages
			gauges := c.Totals.Gauges
			c.Totals.Gauges = nil
			at.Totals.MergePanes(&c.Totals)
			for _, g := range gauges {
				newest, had := measured[at]
				if !had {
					at.Totals.Gauges = []telemetry.GaugeValue{{Name: g.Name, Max: g.Max, Series: 1}}
				}
				gauge := &at.Totals.Gauges[0]
				gauge.Max = max(gauge.Max, g.Max)
				if when := [2]int64{c.PaneUnix, g.TimeUnixMillis}; !had || slices.Compare(newest[:], when[:]) < 0 {
					measured[at] = when
					gauge.TimeUnixMillis, gauge.Last, gauge.Sum, gauge.Min = 1000*c.PaneUnix, g.Last, g.Last, g.Last
				}
			}
		}
		return nil
	})
	if err != nil || len(want) < historySeries {
		t.Fatalf("%d series, %v", len(want), err)
	}
	for _, series := range want {
		failed, handled := series.Totals.ErrorTotal(), uint64(0)
		series.Totals.Errors = countedErrors(failed, handled)
	}
	got := map[string]*telemetry.SeriesDay{}
	err = s.ReadDay(t.Context(), DayQuery{Day: day, Gauges: []string{"lag", "members"}}, func(of *telemetry.SeriesDay) {
		at := dayOf(got, of.Labels)
		for hour, messages := range of.Hours {
			at.Hours[hour] += messages
		}
		at.Totals.JoinCounters(&telemetry.Labels{}, &of.Totals)
		at.Totals.JoinMoments(&of.Totals)
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a day (-want +got):\n%s", diff)
	}
	held, stored, err := s.HeldOf(t.Context(), day, 0)
	if all := uint64(historySources * historySegments * segmentReports); err != nil || held != all || stored != all {
		t.Errorf("the ledger has %d reports and the cells %d, %v; want %d", held, stored, err, all)
	}
	sources, err := s.Sources(t.Context())
	if err != nil || len(sources) != historySources {
		t.Fatalf("the ledger knows %v, %v", sources, err)
	}
	for i, source := range sources {
		if source.Source != (telemetry.Source{TopicID: [16]byte{7}, Partition: int32(i)}) || !source.Newest.Equal(day.Add((historySegments-1)*time.Minute)) {
			t.Errorf("the store has come with source %d to %+v", i, source)
		}
	}
	s.query("ALTER TABLE rollup_10s DELETE WHERE topic = 'topic-0' SETTINGS mutations_sync = 1")
	if _, stored, _ = s.HeldOf(t.Context(), day, 0); stored == 0 || stored >= held {
		t.Errorf("after a topic is gone, the cells have %d of %d reports", stored, held)
	}
}

func dayOf(days map[string]*telemetry.SeriesDay, labels *telemetry.Labels) *telemetry.SeriesDay {
	name := labels.Topic + labels.Op + labels.Client
	if days[name] == nil {
		days[name] = &telemetry.SeriesDay{Labels: labels}
	}
	return days[name]
}

// TestOmittedOfADay: histograms and gauges that nobody reads are not read.
func TestOmittedOfADay(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for _, batches := range newHistory(8).telling() {
		s.write(batches...)
	}
	day, read := time.Now().UTC().Truncate(24*time.Hour), 0
	err := s.ReadDay(t.Context(), DayQuery{Day: day, Omit: telemetry.AllParts &^ telemetry.PartSize}, func(of *telemetry.SeriesDay) {
		if read++; of.Totals.LatencyMicros.Count() > 0 || of.Totals.SizeBytes.Count() == 0 || len(of.Totals.Gauges) > 0 {
			t.Errorf("%+v has latencies or gauges, or no sizes", of)
		}
	})
	if err != nil || read != historySeries {
		t.Errorf("%d series, %v", read, err)
	}
	if err := s.ReadDay(t.Context(), DayQuery{Day: day.Add(-24 * time.Hour)}, func(of *telemetry.SeriesDay) { t.Errorf("got %+v of a day without any", of) }); err != nil {
		t.Error(err)
	}
}

// TestTheNewestAnswerOfADayCounts, whatever was found before, and also where nothing is found any more.
func TestTheNewestAnswerOfADayCounts(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	day := time.Now().UTC().Truncate(day).Add(-day) // which the table keeps
	answer := func(minute int, topics ...string) *telemetry.Inspection {
		of := &telemetry.Inspection{Day: day, AskedAt: day.Add(30*time.Hour + time.Duration(minute)*time.Minute), Completeness: 1, Revision: "abc", Rules: 2}
		for _, topic := range topics {
			labels := map[string]string{"alertname": "ColdTopic", "topic": topic}
			of.Findings = append(of.Findings, telemetry.Finding{Rule: "ColdTopic", Severity: "info", ID: telemetry.Fingerprint(labels), Labels: labels,
				Values: map[string]float64{"messages": 0}, Annotations: map[string]string{"summary": topic + " is cold"}, WindowStart: day, WindowEnd: day.Add(24 * time.Hour), Completeness: 1})
		}
		return of
	}
	found := "SELECT labels['topic'], summary, values['messages'], severity, revision FROM inspections WHERE day = '" + day.Format(time.DateOnly) + "' ORDER BY labels['topic']"
	write := func(of *telemetry.Inspection) {
		if err := s.WriteInspection(t.Context(), of); err != nil {
			t.Fatal(err)
		}
	}
	write(answer(1, "a", "b"))
	write(answer(1, "a", "b")) // an insert that was tried again
	s.expect(found, "a\ta is cold\t0\tinfo\tabc\nb\tb is cold\t0\tinfo\tabc")
	write(answer(3, "b", "c"))
	write(answer(2, "a", "d")) // of a process that was slower
	s.expect(found, "b\tb is cold\t0\tinfo\tabc\nc\tc is cold\t0\tinfo\tabc")
	write(answer(4))
	s.expect(found, "")
	s.expect("SELECT summary FROM inspection_findings FINAL WHERE rule = '' ORDER BY asked_at", "2 findings of 2 rules\n2 findings of 2 rules\n2 findings of 2 rules\n0 findings of 2 rules")
}
