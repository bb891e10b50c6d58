package clickhouse

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/telemetry"
)

// TestSeries reads the sets of the labels that are asked for, each once, of a span, and refuses more than a limit.
func TestSeries(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	begin := time.Now().UTC().Truncate(time.Hour)
	batch := telemetry.CellBatch{Segment: telemetry.Segment{MinuteUnix: begin.Unix() / 60}}
	add := func(after time.Duration, labels telemetry.Labels) {
		batch.Cells = append(batch.Cells, telemetry.Cell{Pane: begin.Add(after), Labels: labels, Totals: telemetry.Totals{Reports: 1}})
	}
	for client := range 4 {
		extra := []telemetry.Label{{Name: `it's=\`, Value: fmt.Sprint("z=", client%2)}, {Name: "team", Value: "a"}}
		for pane := range 3 {
			add(time.Duration(pane)*10*time.Second, telemetry.Labels{Topic: "orders", Group: "billing", Client: fmt.Sprint("c", client), Extra: extra})
		}
	}
	add(10*time.Second, telemetry.Labels{Topic: "audit", Client: "c0"})
	add(30*time.Second, telemetry.Labels{Topic: "later"})
	s.write(batch)
	span := SeriesQuery{From: begin, To: begin.Add(30 * time.Second)}
	for name, c := range map[string]struct {
		labels []string
		all    bool
		want   []string
	}{
		"none":     {nil, false, []string{"{}"}},
		"one":      {[]string{"topic"}, false, []string{"{topic:audit}", "{topic:orders}"}},
		"group":    {[]string{"group", "topic"}, false, []string{"{topic:audit}", "{topic:orders group:billing}"}},
		"further":  {[]string{`it's=\`}, false, []string{`{it's=\:z=0}`, `{it's=\:z=1}`, "{}"}},
		"not had":  {[]string{"tea"}, false, []string{"{}"}},
		"all":      {nil, true, []string{"{topic:audit client:c0}", `{topic:orders group:billing client:c0 it's=\:z=0 team:a}`, `{topic:orders group:billing client:c1 it's=\:z=1 team:a}`, `{topic:orders group:billing client:c2 it's=\:z=0 team:a}`, `{topic:orders group:billing client:c3 it's=\:z=1 team:a}`}},
		"a client": {[]string{"client"}, false, []string{"{client:c0}", "{client:c1}", "{client:c2}", "{client:c3}"}},
	} {
		q := span
		q.Labels, q.All = c.labels, c.all
		found, err := s.Series(t.Context(), q)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got []string
		for i := range found {
			got = append(got, written(&found[i]))
		}
		slices.Sort(got)
		if diff := gocmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	span.Labels = []string{"client"}
	if found, err := s.series(t.Context(), span, 4); len(found) != 4 || err != nil {
		t.Errorf("got %d sets and %v with room for 4", len(found), err)
	}
	if _, err := s.series(t.Context(), span, 3); !errors.Is(err, ErrManySeries) {
		t.Errorf("got %v with room for 3 of 4 sets", err)
	}
}

// written is what is set in labels.
func written(labels *telemetry.Labels) string {
	var out []string
	for i, name := range telemetry.LabelNames {
		if value := *labels.FieldAt(i); value != "" {
			out = append(out, name+":"+value)
		}
	}
	for _, label := range labels.Extra {
		out = append(out, label.Name+":"+label.Value)
	}
	return "{" + strings.Join(out, " ") + "}"
}
