package grafana_test

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirmq/weir/deploy/grafana"
	"github.com/weirmq/weir/deploy/grafana/proof"
)

var update = flag.Bool("update", false, "write dashboards/ and docs/img/ anew")

// loadAll are the committed dashboards, in the order of the description.
func loadAll(t testing.TB) []grafana.Dashboard {
	t.Helper()
	var all []grafana.Dashboard
	for _, described := range grafana.Dashboards() {
		d, err := grafana.Load(described.File())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

// TestFilesAreAsDescribed: the committed files are what the description makes, and there are no others.
func TestFilesAreAsDescribed(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, d := range grafana.Dashboards() {
		known[d.File()] = true
		want, err := d.Encode()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("dashboards", d.File())
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not as described (%v): run make dashboards", path, err)
		}
	}
	files, err := fs.Glob(grafana.Committed, "dashboards/*.json")
	if err != nil || len(files) != len(known) {
		t.Errorf("there are the files %q for %d dashboards, %v", files, len(known), err)
	}
}

// TestDashboardsAreWhole: places, names, units, links and texts.
func TestDashboardsAreWhole(t *testing.T) {
	t.Parallel()
	for _, fault := range proof.CheckAll(loadAll(t)) {
		t.Error(fault)
	}
}

// property is the first of a kind that the dashboard's first table has of a column.
func property(d *grafana.Dashboard, id string) *grafana.Property {
	for _, o := range d.Panels[6].FieldConfig.Overrides {
		for i := range o.Properties {
			if o.Properties[i].ID == id {
				return &o.Properties[i]
			}
		}
	}
	return &grafana.Property{}
}

// TestCheckFindsFaults breaks a good dashboard in one way after the other: each is found, and named.
func TestCheckFindsFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(d *grafana.Dashboard)
		want  string
	}{
		"overlap":          {func(d *grafana.Dashboard) { d.Panels[1].GridPos.X = 2 }, "overlaps"},
		"beyond the grid":  {func(d *grafana.Dashboard) { d.Panels[5].GridPos.X = 21 }, "not in the grid"},
		"a line of holes":  {func(d *grafana.Dashboard) { d.Panels[6].GridPos.W = 12 }, "filled to 12"},
		"an id twice":      {func(d *grafana.Dashboard) { d.Panels[1].ID = d.Panels[0].ID }, "another panel's too"},
		"no description":   {func(d *grafana.Dashboard) { d.Panels[0].Description = "" }, "description"},
		"no data source":   {func(d *grafana.Dashboard) { d.Panels[0].Targets[0].Datasource = nil }, "data source is not"},
		"another source":   {func(d *grafana.Dashboard) { d.Panels[0].Datasource = &grafana.Ref{Type: "prometheus", UID: "x"} }, "data source is not"},
		"an unknown unit":  {func(d *grafana.Dashboard) { d.Panels[0].FieldConfig.Defaults.Unit = "parsec" }, "unit"},
		"a dangling name":  {func(d *grafana.Dashboard) { d.Panels[0].Targets[0].RawSQL += " AND $gone" }, "variable $gone"},
		"an unknown macro": {func(d *grafana.Dashboard) { d.Panels[0].Targets[0].RawSQL += " AND $__timeFiltr(ts)" }, "macro $__timeFiltr"},
		"the wrong format": {func(d *grafana.Dashboard) {
			d.Panels[0].Targets[0].Format, d.Panels[0].Targets[0].QueryType = 0, "timeseries"
		}, "wants the format 1"},
		"a dangling link": {func(d *grafana.Dashboard) {
			d.Panels[0].Links = []grafana.Link{{Title: "x", URL: "/d/weir-gone?${__url_time_range}"}}
		}, "there is not"},
		"a link out of time": {func(d *grafana.Dashboard) {
			d.Panels[0].Links = []grafana.Link{{Title: "x", URL: "/d/weir-topic?var-topic=a"}}
		}, "loses the time"},
		"a link to nothing": {func(d *grafana.Dashboard) {
			d.Panels[0].Links = []grafana.Link{{Title: "x", URL: "/d/weir-topic?${__url_time_range}&var-gone=a"}}
		}, `sets the variable "gone"`},
		"thresholds that fall": {func(d *grafana.Dashboard) {
			steps := d.Panels[3].FieldConfig.Defaults.Thresholds.Steps
			steps[1], steps[2] = steps[2], steps[1]
		}, "do not rise"},
		"no filters": {func(d *grafana.Dashboard) {
			d.Templating.List = append(d.Templating.List, grafana.Variable{Name: "clickhouse_adhoc_query", Current: &grafana.Option{Value: "SELECT x FROM gauge_values"}})
		}, "ad-hoc filters"},
		"a uid of another": {func(d *grafana.Dashboard) { d.UID = "weir-cluster" }, "two dashboards have this uid"},
		"a title twice":    {func(d *grafana.Dashboard) { d.Panels[1].Title = d.Panels[0].Title }, "title is missing, or another panel's"},
		"a variable twice": {func(d *grafana.Dashboard) { d.Templating.List[2].Name = "env" }, "there are two"},
		"no step":          {func(d *grafana.Dashboard) { d.Panels[7].Interval = "" }, "no least step"},
		"a column's unit":  {func(d *grafana.Dashboard) { property(d, "unit").Value = "parsec" }, "unit"},
		"a column's link": {func(d *grafana.Dashboard) {
			property(d, "links").Value = []grafana.Link{{Title: "x", URL: "/d/weir-gone?${__url_time_range}"}}
		}, "there is not"},
		"a column's colour": {func(d *grafana.Dashboard) {
			property(d, "thresholds").Value = grafana.Thresholds{Steps: []grafana.Step{{Value: new(float64)}}}
		}, "do not rise"},
		"a variable too early": {func(d *grafana.Dashboard) {
			d.Templating.List[1], d.Templating.List[2] = d.Templating.List[2], d.Templating.List[1]
		}, "variable $env"},
		"a mark of no source": {func(d *grafana.Dashboard) { d.Annotations.List[0].Datasource = nil }, "data source is not"},
		"a uid that changes":  {func(d *grafana.Dashboard) { d.UID = "f3a9" }, "uid"},
		"options of another source": {func(d *grafana.Dashboard) {
			d.Templating.List[1].Datasource = &grafana.Ref{Type: grafana.Type, UID: "gone"}
		}, "variable env: it needs a current value, a data source that is"},
		"sources of another kind": {func(d *grafana.Dashboard) { d.Templating.List[0].Query = []byte(`"prometheus"`) }, "variable datasource: it offers"},
		"a kind of variable":      {func(d *grafana.Dashboard) { d.Templating.List[1].Type = "querry" }, `variable env: its type "querry"`},
		"a text without a value": {func(d *grafana.Dashboard) {
			d.Templating.List = append(d.Templating.List, grafana.Variable{Name: "text", Type: "textbox"})
		}, "variable text: it has no value"},
		"a format that is none":  {func(d *grafana.Dashboard) { d.Panels[0].Targets[0].Format = 2 }, "lacks something"},
		"a second query":         {func(d *grafana.Dashboard) { d.Panels[0].Targets = append(d.Panels[0].Targets, d.Panels[0].Targets[0]) }, "2 queries"},
		"a dangling title":       {func(d *grafana.Dashboard) { d.Panels[0].Title += " of $gone" }, "variable $gone"},
		"a dangling description": {func(d *grafana.Dashboard) { d.Panels[0].Description = "What ${gone:csv} sends, as clients tell." }, "variable $gone"},
		"a link in the head": {func(d *grafana.Dashboard) {
			d.Links = append(d.Links, grafana.Link{Title: "x", Type: "link", URL: "/d/weir-gone"})
		}, `the link "x" is of type "link"`},
		"a menu of nothing": {func(d *grafana.Dashboard) { d.Links[0].Tags = []string{"gone"} }, "tags [gone]"},
		"panels that a row hides": {func(d *grafana.Dashboard) {
			d.Panels = append(d.Panels, grafana.Panel{ID: 999, Type: "row", Title: "Hidden", GridPos: grafana.Grid{H: 1, W: 24, Y: 999}, Panels: &[]grafana.Panel{{}}})
		}, "hides panels"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := loadAll(t)
			c.spoil(&all[0])
			var found []string
			for _, fault := range proof.CheckAll(all) {
				found = append(found, fault.Error())
			}
			if !strings.Contains(strings.Join(found, "\n"), c.want) {
				t.Errorf("found %q, want one with %q", found, c.want)
			}
		})
	}
}
