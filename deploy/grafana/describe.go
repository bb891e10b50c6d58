package grafana

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/weirmq/weir/deploy/grafana/datasource"
)

// schemaVersion is that of the least Grafana the plugin needs, 11.6. Grafana lifts older ones when it loads them.
const schemaVersion = 41

// Steps of panels. Not smaller: there is no row for less; not larger: an alert's beginning would be lost in it.
const (
	minute = "1m"  // of the views by minute
	pane   = "10s" // of the views by pane
)

// layoutState is where the next panel goes.
type layoutState struct{ x, y, high, ids int }

// newDashboard has what all of them have: a data source to choose, links to the others, and marks where alerts fired.
func newDashboard(uid, title, description string, variables ...Variable) *Dashboard {
	d := &Dashboard{UID: "weir-" + uid, Title: "Weir / " + title, Description: description, Tags: []string{"weir"}, Timezone: "utc",
		Editable: true, GraphTooltip: 1, Refresh: "30s", SchemaVersion: schemaVersion, layout: &layoutState{}}
	d.Time.From, d.Time.To = "now-1h", "now"
	d.Links = []Link{{Title: "Weir", Type: "dashboards", Icon: "external link", Tooltip: "The other dashboards, with this time and these variables",
		Tags: []string{"weir"}, AsDropdown: true, IncludeVars: true, KeepTime: true}}
	source, _ := json.Marshal(Type)
	d.Templating.List = append([]Variable{{Name: "datasource", Type: "datasource", Label: "Data source", Query: source, Refresh: 1}}, variables...)
	d.Annotations.List = []Annotation{{Name: "Alerts that fired", Enable: true, IconColor: "red", Datasource: ref(), Target: target("Anno", 1, firedMarks(d))}}
	return d
}

// firedMarks is a mark for each firing and each change of its severity, of the clusters that are chosen.
func firedMarks(d *Dashboard) string {
	return "SELECT at AS time, concat(rule, ' ', cluster) AS title, summary AS text, severity AS tags\nFROM alert_transitions\n" +
		"WHERE state = 'firing' AND $__timeFilter(at) AND " + ofAlerts(d.chosen("env", "cluster", "topic", "group", "rule")...) + "\nORDER BY time\nLIMIT 200"
}

// chosen are those of the names that the dashboard has a variable of.
func (d *Dashboard) chosen(names ...string) (found []string) {
	for _, name := range names {
		for _, v := range d.Templating.List {
			if v.Name == name {
				found = append(found, name)
			}
		}
	}
	return found
}

func ref() *Ref { return &Ref{Type: Type, UID: DataSource} }

func target(refID string, format int, sql string) *Target {
	kind := "timeseries"
	if format == 1 {
		kind = "table"
	}
	return &Target{RefID: refID, Datasource: ref(), PluginVersion: datasource.Version, EditorType: "sql", QueryType: kind, Format: format, RawSQL: sql}
}

// columnOf is the column that a variable filters by. Variables have the names of labels, which is what alerts link to dashboards with.
func columnOf(variable string) string {
	if variable == "group" {
		return "consumer_group"
	}
	return variable
}

// where filters by variables: each may be all, one or several.
func where(names ...string) string {
	out := "1"
	for i, name := range names {
		condition := fmt.Sprintf("$__conditionalAll(%s IN (${%s:singlequote}), $%s)", columnOf(name), name, name)
		if i == 0 {
			out = condition
			continue
		}
		out += "\n  AND " + condition
	}
	return out
}

// ofAlerts filters alerts by variables: one that does not have the label is of all.
func ofAlerts(names ...string) string {
	out := "1"
	for i, name := range names {
		condition := fmt.Sprintf("$__conditionalAll(%s IN ('', ${%s:singlequote}), $%s)", columnOf(name), name, name)
		if i == 0 {
			out = condition
			continue
		}
		out += "\n  AND " + condition
	}
	return out
}

// wholeMinutes are those of the range that are over, and stored: the last one would look like a fall.
const wholeMinutes = "$__timeFilter(ts) AND ts <= now() - INTERVAL 75 SECOND"

// wholeSteps are the steps of the range that lie in it as a whole, and are over and stored: of others a sum would look like a fall.
const wholeSteps = "ts >= " + wholeFrom + " AND ts < " + wholeTo

// aDayBefore are the same steps a day before, and those that this day has not come to. The column stands alone, or all days would be read.
const aDayBefore = "ts >= $__timeInterval($__fromTime + $__interval_s - 1) - INTERVAL 1 DAY AND ts < $__timeInterval($__toTime) - INTERVAL 1 DAY"

// coarse is the step of charts that read histograms of topics, in seconds: of more than two days whole hours, since these are added up
// already, and the minutes of a week are too much to wait for.
const coarse = "if(dateDiff('second', $__fromTime, $__toTime) > 172800, greatest($__interval_s, 3600), $__interval_s)"

// coarseByClient is the step of charts that read each client: of more than half a day whole hours, for the same reason.
const coarseByClient = "if(dateDiff('second', $__fromTime, $__toTime) > 43200, greatest($__interval_s, 3600), $__interval_s)"

// over asks a view that takes its times and its step: 0 is the whole range.
func over(view, step string) string {
	return view + "(from = $__fromTime, to = $__toTime, step_seconds = " + step + ")"
}

// Ends of the steps of the range that lie in it as a whole, and are over and stored.
const (
	wholeFrom = "$__timeInterval($__fromTime + $__interval_s - 1)"
	wholeTo   = "$__timeInterval(least($__toTime, now() - INTERVAL 15 SECOND))"
)

// wholeOver asks for these steps.
func wholeOver(view, step string) string {
	return view + "(from = " + wholeFrom + ", to = " + wholeTo + ",\n    step_seconds = " + step + ")"
}

// covered is how many seconds of a coarse step lie in them: of the first and the last of them a sum is of less.
const covered = "(least(toUnixTimestamp(ts) + " + coarseByClient + ", toUnixTimestamp(" + wholeTo + ")) - greatest(toUnixTimestamp(ts), toUnixTimestamp(" + wholeFrom + ")))"

// newest are the last five minutes of the range: what stands in them is how things are.
const newest = "ts > $__toTime - INTERVAL 5 MINUTE AND ts <= $__toTime"

// choice is a variable with the values that a query has: its value may be all, one or several.
func choice(name, label, sql string) Variable {
	query, _ := json.Marshal(VariableQuery{RefID: name, QueryType: "sql", RawSQL: sql})
	return Variable{Name: name, Type: "query", Label: label, Query: query, Definition: sql, Datasource: ref(), Refresh: 2,
		Multi: true, IncludeAll: true, Current: &Option{Text: "All", Value: datasource.All}}
}

// seen are the resources of the time range, by whole hours as the inventory has them.
const seen = "last_seen >= $__fromTime - INTERVAL 1 HOUR AND first_seen <= $__toTime"

func environments() Variable {
	return choice("env", "Environment", "SELECT DISTINCT env FROM resources WHERE "+seen+" ORDER BY env")
}

func clusters() Variable {
	return choice("cluster", "Cluster", "SELECT DISTINCT cluster FROM resources WHERE "+seen+" AND "+where("env")+" ORDER BY cluster")
}

// named is a choice of resources of a kind, in the clusters that are chosen.
func named(name, label, kind string) Variable {
	return choice(name, label, "SELECT DISTINCT name FROM resources WHERE kind = '"+kind+"' AND NOT internal AND "+seen+" AND "+where("env", "cluster")+" ORDER BY name LIMIT 5000")
}

// typed is a variable that people type. Without a value, conditions on it hold for all.
func typed(name, label, help string) Variable {
	return Variable{Name: name, Type: "textbox", Label: label, Description: help, Query: json.RawMessage(`""`), Current: &Option{Text: "", Value: ""}}
}

// adHoc lets people filter by any column of a view. The plugin is told of the view by the hidden constant.
func adHoc(view string) []Variable {
	query, _ := json.Marshal("SELECT $__adhoc_column FROM " + view)
	return []Variable{
		{Name: "filters", Type: "adhoc", Label: "Filters", Datasource: ref()},
		{Name: "clickhouse_adhoc_query", Type: "constant", Hide: 2, Query: query, Current: &Option{Text: "SELECT $__adhoc_column FROM " + view, Value: "SELECT $__adhoc_column FROM " + view}},
	}
}

// to is the address of another dashboard with this time, and variables as the row's columns have them. The environment is this
// dashboard's, unless the row has it.
func to(uid string, variables ...string) string {
	url := "/d/weir-" + uid + "?${__url_time_range}&${datasource:queryparam}"
	if !slices.Contains(variables, "env") {
		url += "&${env:queryparam}"
	}
	for _, name := range variables {
		url += "&var-" + name + "=${__data.fields." + columnOf(name) + ":percentencode}"
	}
	return url
}
