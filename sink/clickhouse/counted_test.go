package clickhouse

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// TestCountedIsWhatTheCellsAddUpTo over an hour, of each set of labels, however often cells were written.
func TestCountedIsWhatTheCellsAddUpTo(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	begin := time.Now().UTC().Truncate(time.Hour).Add(-24 * time.Hour)
	orders := telemetry.Labels{Cluster: "eu", Topic: "orders", Op: "send", Extra: []telemetry.Label{{Name: "one=two", Value: `a\=b`}}}
	batch := func(minute int64, messages uint64, errors ...telemetry.ErrorCount) telemetry.CellBatch {
		at := begin.Add(time.Duration(minute) * time.Minute)
		return telemetry.CellBatch{Segment: telemetry.Segment{MinuteUnix: at.Unix() / 60}, Cells: []telemetry.Cell{
			{Pane: at, Labels: orders, Totals: telemetry.Totals{Reports: messages, Messages: messages, Bytes: 10 * messages, Errors: errors}}}}
	}
	broker, handler := telemetry.ErrorCount{Class: "broker", Count: 3}, telemetry.ErrorCount{Class: "handler", Count: 5}
	s.write(batch(0, 7, broker))
	s.write(batch(0, 9, broker, handler), batch(59, 4, handler))
	s.write(batch(-1, 100), batch(60, 100), batch(30, 0))
	got, err := s.ReadCounted(t.Context(), begin, begin.Add(time.Hour))
	if err != nil || len(got) != 1 {
		t.Fatalf("got %+v and %v, want one set of labels", got, err)
	}
	of := got[0].Totals
	if of.Messages != 13 || of.Bytes != 130 || !slices.Equal(of.Errors, []telemetry.ErrorCount{{Count: 3}, {Class: "handler", Count: 10}}) {
		t.Errorf("it counts %+v", of)
	}
	if want := uint64(1 | 1<<59); got[0].Minutes != want {
		t.Errorf("it has messages in the minutes %b, want %b", got[0].Minutes, want)
	}
	if fmt.Sprint(*got[0].Labels) != fmt.Sprint(orders) {
		t.Errorf("it is of %+v, want %+v", *got[0].Labels, orders)
	}
}
