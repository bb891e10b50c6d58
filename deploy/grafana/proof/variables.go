package proof

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/weirmq/weir/deploy/grafana"
	"github.com/weirmq/weir/deploy/grafana/datasource"
)

// checkVariables holds that each variable is one of its kind, and that the first is the data source that all others are asked of.
func checkVariables(d *grafana.Dashboard, f *faults) {
	var before []string
	for _, v := range d.Templating.List {
		f.where = d.UID + ", variable " + v.Name
		if slices.Contains(before, v.Name) {
			f.add("there are two")
		}
		switch v.Type {
		case "datasource":
			if string(v.Query) != `"`+grafana.Type+`"` {
				f.add("it offers data sources of %s, want %q", v.Query, grafana.Type)
			}
		case "query":
			checkOptions(&v, before, f)
		case "textbox", "constant":
			if v.Current == nil {
				f.add("it has no value")
			}
		case "adhoc":
		default:
			f.add("its type %q is none of those that are used", v.Type)
		}
		before = append(before, v.Name)
	}
	if len(before) == 0 || before[0] != "datasource" {
		f.add("the first variable is not the data source")
	}
}

// checkOptions holds that the options of a variable can be asked for, by those before it alone.
func checkOptions(v *grafana.Variable, before []string, f *faults) {
	var q grafana.VariableQuery
	if err := json.Unmarshal(v.Query, &q); err != nil || q.RawSQL == "" || q.QueryType != "sql" {
		f.add("its query is %s: %v", v.Query, err)
	}
	if v.Current == nil || v.IncludeAll && v.Current.Value != datasource.All || v.Datasource == nil || *v.Datasource != source || v.Refresh != 2 {
		f.add("it needs a current value, a data source that is %+v, and to be asked again when the range changes", source)
	}
	checkReferences(q.RawSQL, before, f)
}

// checkReferences holds that a text names variables that are there, and no macro that is not.
func checkReferences(text string, variables []string, f *faults) {
	for _, name := range datasource.References(text) {
		if strings.HasPrefix(name, "__") {
			if strings.Contains(name, "__data") || strings.Contains(name, "__field") || name == "__url_time_range" || datasource.Known(strings.TrimPrefix(name, "__")) {
				continue
			}
			f.add("it names the macro $%s, which there is not", name)
		} else if !slices.Contains(variables, name) {
			f.add("it names the variable $%s, which there is not", name)
		}
	}
}
