package proof

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/weirmq/weir/deploy/grafana"
)

// TestAnswersAreHeldToWhatPanelsTake: each answer that a panel could not show as it is meant is found, and one that it can show is not.
func TestAnswersAreHeldToWhatPanelsTake(t *testing.T) {
	t.Parallel()
	chart := grafana.Panel{Type: "timeseries", FieldConfig: &grafana.FieldConfig{Defaults: grafana.Field{DisplayName: "${__field.labels.topic}"}}}
	leading := grafana.Panel{Type: "timeseries", FieldConfig: &grafana.FieldConfig{Defaults: grafana.Field{Links: []grafana.Link{{URL: "/d/x?var-a=${__field.labels.topic:percentencode}"}}}}}
	words := []any{map[string]any{"type": "value", "options": map[string]any{"0": map[string]any{"text": "ok"}}}}
	states := grafana.Panel{Type: "state-timeline", FieldConfig: &grafana.FieldConfig{Defaults: grafana.Field{Mappings: words}}}
	stat := grafana.Panel{Type: "stat", FieldConfig: &grafana.FieldConfig{}}
	bars := grafana.Panel{Type: "bargauge", FieldConfig: &grafana.FieldConfig{}}
	narrow := grafana.Panel{Type: "table", GridPos: grafana.Grid{W: 4}, FieldConfig: &grafana.FieldConfig{Defaults: grafana.Field{Custom: map[string]any{"minWidth": 70.}}, Overrides: []grafana.Override{
		{Matcher: grafana.Matcher{ID: "byName", Options: "topic"}, Properties: []grafana.Property{{ID: "custom.width", Value: 90.}}}}}}
	table := grafana.Panel{Type: "table", GridPos: grafana.Grid{W: 24}, FieldConfig: &grafana.FieldConfig{Overrides: []grafana.Override{{Matcher: grafana.Matcher{ID: "byName", Options: "topic"},
		Properties: []grafana.Property{{ID: "links", Value: []any{map[string]any{"url": "/d/x?var-a=${__data.fields.cluster}"}}}}}}}}
	const good = `[["2026-11-26 18:00:00","a",1],["2026-11-26 18:00:00","b",null],["2026-11-26 18:01:00","a",2]]`
	for name, c := range map[string]struct {
		panel *grafana.Panel
		types string // name:type ...
		rows  string
		want  string // "" for none
	}{
		"a chart":               {&chart, "time:DateTime('UTC') topic:LowCardinality(String) v:Nullable(Float64)", good, ""},
		"of milliseconds":       {&chart, "time:DateTime64(3) topic:String v:UInt64", good, ""},
		"without a time":        {&chart, "topic:String v:UInt64", `[]`, "want the time first"},
		"a time that is no one": {&chart, "time:String topic:String v:UInt64", good, "want the time first"},
		"a time with NULL":      {&chart, "time:Nullable(DateTime) topic:String v:UInt64", good, "want the time first"},
		"no number":             {&chart, "time:DateTime topic:String v:String", good, "no number"},
		"an array":              {&chart, "time:DateTime topic:String v:Array(Float64)", good, "want a text or a number"},
		"no such label":         {&chart, "time:DateTime cluster:String v:UInt64", good, "by the label topic"},
		"a link by no label":    {&leading, "time:DateTime cluster:String v:UInt64", good, "takes the label topic"},
		"times that fall":       {&chart, "time:DateTime topic:String v:UInt64", `[["2026-11-26 18:01:00","a",1],["2026-11-26 18:00:00","a",1]]`, "do not rise"},
		"two for a time":        {&chart, "time:DateTime topic:String v:UInt64", `[["2026-11-26 18:01:00","a",1],["2026-11-26 18:01:00","a",2]]`, "two values"},
		"two of one name":       {&chart, "time:DateTime topic:String v:UInt64 w:UInt64", `[]`, "called alike"},
		"states":                {&states, "time:DateTime v:UInt8", `[["2026-11-26 18:01:00",0]]`, ""},
		"a state without word":  {&states, "time:DateTime v:UInt8", `[["2026-11-26 18:01:00",3]]`, `no word for the value "3"`},
		"a number":              {&stat, "v:Nullable(Float64)", `[[null]]`, ""},
		"two numbers":           {&stat, "v:UInt64 w:UInt64", `[[1,2]]`, "want one number"},
		"no row":                {&stat, "v:UInt64", `[]`, "want one number"},
		"bars":                  {&bars, "k:String v:UInt64", `[["a",1]]`, ""},
		"bars without a text":   {&bars, "k:UInt64 v:UInt64", `[[1,1]]`, "want a text and a number"},
		"a table":               {&table, "topic:String cluster:String", `[]`, ""},
		"a time with a gap":     {&table, "topic:String cluster:String at:Nullable(DateTime('UTC'))", `[]`, ""},
		"a table with a map":    {&table, "topic:String cluster:String m:Map(String, String)", `[]`, "does not show"},
		"columns that fit":      {&narrow, "topic:String a:UInt8", `[]`, ""},
		"a column too many":     {&narrow, "topic:String a:UInt8 b:UInt8", `[]`, "230 px wide, and have 212"},
		"no such column":        {&table, "subject:String cluster:String", `[]`, "override of the column topic"},
		"a link without value":  {&table, "topic:String", `[]`, "takes the column cluster"},
	} {
		frame := &Frame{}
		for _, column := range splitColumns(c.types) {
			name, kind, _ := strings.Cut(column, ":")
			frame.Columns = append(frame.Columns, Column{name, kind})
		}
		if err := json.Unmarshal([]byte(c.rows), &frame.Rows); err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, fault := range checkFrame(c.panel, frame) {
			found = append(found, fault.Error())
		}
		if c.want == "" && len(found) > 0 || !strings.Contains(strings.Join(found, "\n"), c.want) {
			t.Errorf("%s: found %q, want %q", name, found, c.want)
		}
	}
}

// splitColumns cuts at blanks that begin a name: types have some, too.
func splitColumns(text string) []string {
	fields := strings.Fields(text)
	for i := len(fields) - 1; i > 0; i-- {
		if !strings.Contains(fields[i], ":") {
			fields[i-1] += " " + fields[i]
			fields = slices.Delete(fields, i, i+1)
		}
	}
	return fields
}

func TestFormat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		unit  string
		value float64
		want  string
	}{
		{"percentunit", 0.123, "12.3%"}, {"bytes", 1536, "1.50 KiB"}, {"binBps", 10, "10 B/s"}, {"cps", 12345, "12.3K c/s"}, {"ms", 1500, "1.50 s"},
		{"s", 0.25, "250 ms"}, {"s", 90, "1.50 min"}, {"s", 7200, "2 h"}, {"s", 172800, "2 d"}, {"s", 0, "0 s"}, {"none", 3, "3"}, {"short", 1e6, "1 M"},
	} {
		if got := Format(c.unit, c.value); got != c.want {
			t.Errorf("%v %s is shown as %q, want %q", c.value, c.unit, got, c.want)
		}
	}
}
