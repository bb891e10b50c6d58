// Package proof holds dashboards to what Grafana wants of them, and runs each of their queries on ClickHouse as Grafana would, so
// that a dashboard which does not work is found without a Grafana.
package proof

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/weirmq/weir/deploy/grafana"
	"github.com/weirmq/weir/deploy/grafana/datasource"
)

// Units are the ids of Grafana's units that dashboards here may have.
var Units = []string{"", "none", "short", "cps", "ms", "s", "percentunit", "bytes", "binBps", "dateTimeAsIso"}

// kinds are the panels that are used, and the format that each wants of its queries.
var kinds = map[string]int{"timeseries": 0, "state-timeline": 0, "stat": 1, "bargauge": 1, "table": 1}

// queryTypes are what the plugin calls queries of each format.
var queryTypes = map[int]string{0: "timeseries", 1: "table"}

// gridWidth is that of Grafana.
const gridWidth = 24

// fault is what is wrong, and where.
type faults struct {
	where string
	found []error
}

func (f *faults) add(format string, args ...any) {
	f.found = append(f.found, fmt.Errorf("%s: "+format, append([]any{f.where}, args...)...))
}

// CheckAll is what is wrong with dashboards as files: places that overlap, names that lead nowhere, texts that are missing.
func CheckAll(dashboards []grafana.Dashboard) []error {
	var found []error
	variables := map[string][]string{} // of each dashboard
	var tags []string
	for _, d := range dashboards {
		tags = append(tags, d.Tags...)
		if variables[d.UID] != nil {
			found = append(found, fmt.Errorf("%s: two dashboards have this uid", d.UID))
		}
		for _, v := range d.Templating.List {
			variables[d.UID] = append(variables[d.UID], v.Name)
		}
	}
	for i := range dashboards {
		found = append(found, check(&dashboards[i], variables)...)
		found = append(found, checkMenu(&dashboards[i], tags)...)
	}
	return found
}

var stableUID = regexp.MustCompile(`^weir-[a-z]+$`)

func check(d *grafana.Dashboard, variables map[string][]string) []error {
	f := &faults{where: d.UID}
	if !stableUID.MatchString(d.UID) || d.Title == "" || d.Description == "" || !slices.Contains(d.Tags, "weir") {
		f.add("its uid, title %q, description or tags %q are not as they should be", d.Title, d.Tags)
	}
	checkVariables(d, f)
	for _, a := range d.Annotations.List {
		f.where = d.UID + ", annotation " + a.Name
		checkTarget(d, a.Datasource, a.Target, f)
	}
	ids, titles := map[int]bool{}, map[string]bool{}
	for i := range d.Panels {
		p := &d.Panels[i]
		f.where = d.UID + ", panel " + p.Title
		if ids[p.ID] || p.ID <= 0 {
			f.add("its id %d is another panel's too", p.ID)
		}
		if titles[p.Title] || p.Title == "" {
			f.add("its title is missing, or another panel's too")
		}
		ids[p.ID], titles[p.Title] = true, true
		checkPlace(d, i, f)
		checkReferences(p.Title+"\n"+p.Description, variables[d.UID], f)
		if p.Type != "row" {
			checkPanel(d, p, variables, f)
		} else if p.Panels != nil && len(*p.Panels) > 0 {
			f.add("it hides panels, which are not looked at here")
		}
	}
	return f.found
}

// checkPlace holds that a panel is within the grid, below nothing that it overlaps, and that its line is full.
func checkPlace(d *grafana.Dashboard, i int, f *faults) {
	at := d.Panels[i].GridPos
	if at.X < 0 || at.Y < 0 || at.W < 4 || at.H < 1 || at.X+at.W > gridWidth {
		f.add("its place %+v is not in the grid", at)
	}
	width := 0
	for j, other := range d.Panels {
		o := other.GridPos
		if j < i && at.X < o.X+o.W && o.X < at.X+at.W && at.Y < o.Y+o.H && o.Y < at.Y+at.H {
			f.add("it overlaps %s", other.Title)
		}
		if o.Y == at.Y {
			width += o.W
			if o.H != at.H {
				f.add("it is %d high, and %s beside it %d", at.H, other.Title, o.H)
			}
		}
	}
	if width < gridWidth*2/3 {
		f.add("its line is filled to %d of %d", width, gridWidth)
	}
}

// source is the data source that all is asked of.
var source = grafana.Ref{Type: grafana.Type, UID: grafana.DataSource}

func checkTarget(d *grafana.Dashboard, of *grafana.Ref, t *grafana.Target, f *faults) {
	if of == nil || *of != source || t == nil || t.Datasource == nil || *t.Datasource != source {
		f.add("its data source is not %+v", source)
		return
	}
	if t.RefID == "" || t.EditorType != "sql" || t.PluginVersion != datasource.Version || t.RawSQL == "" || t.QueryType != queryTypes[t.Format] {
		f.add("its query %+v lacks something", t)
	}
	var names []string
	for _, v := range d.Templating.List {
		names = append(names, v.Name)
	}
	checkReferences(t.RawSQL, names, f)
	for _, ending := range []string{"", "_over"} { // the same view by steps has the same columns
		view := filtered(d) + ending
		if view != ending && regexp.MustCompile(`FROM `+view+`\b`).MatchString(t.RawSQL) && !strings.Contains(t.RawSQL, "$__adHocFilters('"+view+"')") {
			f.add("its query does not take the ad-hoc filters")
		}
	}
}

// filtered is the view that the dashboard's ad-hoc filters are of, "" where it has none.
func filtered(d *grafana.Dashboard) string {
	for _, v := range d.Templating.List {
		if v.Name == "clickhouse_adhoc_query" {
			_, view, _ := strings.Cut(v.Current.Value, " FROM ")
			return view
		}
	}
	return ""
}

func checkPanel(d *grafana.Dashboard, p *grafana.Panel, variables map[string][]string, f *faults) {
	format, known := kinds[p.Type]
	if !known {
		f.add("its type %q is none of those that are used", p.Type)
	}
	if len(p.Description) < 30 || !strings.HasSuffix(p.Description, ".") {
		f.add("its description %q does not say what one sees", p.Description)
	}
	if len(p.Targets) != 1 || p.FieldConfig == nil || p.Options == nil {
		f.add("it has %d queries where one is run, or nothing on how it looks", len(p.Targets))
		return
	}
	checkTarget(d, p.Datasource, &p.Targets[0], f)
	if p.Targets[0].Format != format {
		f.add("a %s wants the format %d, its query has %d", p.Type, format, p.Targets[0].Format)
	}
	if format == 0 && p.Interval == "" {
		f.add("it has no least step: charts of a short range would be full of holes")
	}
	field := p.FieldConfig.Defaults
	checkUnit(field.Unit, f)
	if p.Type != "table" && field.Unit == "" {
		f.add("it has no unit")
	}
	checkSteps(field.Thresholds, f)
	checkLinks(p.Links, d, variables, f)
	checkLinks(field.Links, d, variables, f)
	for _, o := range p.FieldConfig.Overrides {
		checkOverride(o, d, variables, f)
	}
}

func checkUnit(unit string, f *faults) {
	if !slices.Contains(Units, unit) {
		f.add("its unit %q is none of %q", unit, Units)
	}
}

func checkSteps(t *grafana.Thresholds, f *faults) {
	if t == nil {
		return
	}
	for i, step := range t.Steps {
		if (i == 0) != (step.Value == nil) || i > 1 && *step.Value <= *t.Steps[i-1].Value {
			f.add("its thresholds do not rise from the first, which has no value")
		}
	}
}

func checkOverride(o grafana.Override, d *grafana.Dashboard, variables map[string][]string, f *faults) {
	if o.Matcher.ID != "byName" || len(o.Properties) == 0 {
		f.add("its override of %q changes nothing, or is not by name", o.Matcher.Options)
	}
	for _, p := range o.Properties {
		text, err := json.Marshal(p.Value)
		if err != nil {
			f.add("%s: %v", p.ID, err)
		}
		switch p.ID {
		case "unit":
			checkUnit(fmt.Sprint(p.Value), f)
		case "links":
			var links []grafana.Link
			if err := json.Unmarshal(text, &links); err != nil {
				f.add("links: %v", err)
			}
			checkLinks(links, d, variables, f)
		case "thresholds":
			var steps grafana.Thresholds
			if err := json.Unmarshal(text, &steps); err != nil {
				f.add("thresholds: %v", err)
			}
			checkSteps(&steps, f)
		}
	}
}
