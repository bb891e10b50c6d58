package clickhouse

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/telemetry"
)

const readGauges = "SELECT toUnixTimestamp(ts), topic, op, client, extra, name, toUInt64(bitShiftRight(newest, 64)), reinterpretAsFloat64(newest), max FROM gauges FINAL"

// gauges are what a store must hold of a history: the newest and the greatest value of all reports of a series and pane, whatever
// segment they are in.
func (h *history) gauges() []string {
	type key struct {
		pane   time.Time
		labels string
	}
	totals, labels := map[key]*telemetry.Totals{}, map[key]telemetry.Labels{}
	for _, segment := range h.segments {
		for i := range segment.reports {
			p := &segment.reports[i]
			at := key{p.pane, fmt.Sprint(p.labels)}
			if totals[at] == nil {
				totals[at], labels[at] = &telemetry.Totals{}, p.labels
			}
			totals[at].AddReport(&p.report)
		}
	}
	var out []string
	for at, t := range totals {
		of := labels[at]
		for _, g := range t.Gauges {
			out = append(out, fmt.Sprintf("%d\t%s\t%s\t%s\t['%s=%s']\t%s\t%d\t%v\t%v", at.pane.Unix(), of.Topic, of.Op, of.Client,
				of.Extra[0].Name, of.Extra[0].Value, g.Name, g.TimeUnixMillis, g.Last, g.Max))
		}
	}
	slices.Sort(out)
	return out
}

func (s *store) expectGauges(want []string) {
	s.t.Helper()
	got := strings.Split(s.query(readGauges), "\n")
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("gauges differ (-want +got):\n%s", diff)
	}
}

// TestGaugesAreFedByCells tells a history with retries, zombies and older versions that come late: of each gauge there is the newest
// value and the greatest, before and after parts are merged.
func TestGaugesAreFedByCells(t *testing.T) {
	t.Parallel()
	s, h := newStore(t), newHistory(7)
	for _, write := range h.telling() {
		s.write(write...)
	}
	want := h.gauges()
	if len(want) < 50 {
		t.Fatalf("the history has %d gauges only", len(want))
	}
	s.expectGauges(want)
	s.query("OPTIMIZE TABLE gauges FINAL")
	s.expectGauges(want)
}

// TestGaugesOfBefore are there after the migration that brings the table and what it left to fill, also those of rows that do not say when they
// were measured. Meanwhile cells are written again, and two migrate and fill.
func TestGaugesOfBefore(t *testing.T) {
	t.Parallel()
	database := shared.database(t)
	migrated(t, database, 7)
	s, h := openStore(t, shared, database, nil), newHistory(8)
	tellings := h.telling()
	for _, write := range tellings {
		s.write(write...)
	}
	old := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -3).Add(23*time.Hour + 59*time.Minute)
	for _, value := range []string{"3", "5"} {
		s.query(fmt.Sprintf("INSERT INTO rollup_10s (ts, topic, op, client, extra, source, reports, `gauge.name`, `gauge.last`, `gauge.max`) VALUES (%d, 't', 'group', 'c', ['a=b'], '%s', 1, ['lag'], [%s], [9])",
			old.Unix(), value, value))
	}
	other := openStore(t, shared, database, nil)
	migrating := make(chan error, 2)
	for _, one := range []*store{s, other} {
		go func() {
			err := one.Migrate(t.Context())
			migrating <- errors.Join(err, one.FillAll(t.Context(), func(Filling) {}))
		}()
	}
	for _, write := range tellings[len(tellings)/2:] {
		s.write(write...)
	}
	for range 2 {
		if err := <-migrating; err != nil {
			t.Fatal(err)
		}
	}
	want := append(h.gauges(), fmt.Sprintf("%d\tt\tgroup\tc\t['a=b']\tlag\t%d\t5\t9", old.Unix(), old.UnixMilli()))
	slices.Sort(want)
	s.expectGauges(want)
}
