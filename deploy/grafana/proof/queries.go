package proof

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/weirmq/weir/deploy/grafana"
	"github.com/weirmq/weir/deploy/grafana/datasource"
)

// Query is one that a dashboard asks, as ClickHouse gets it.
type Query struct {
	Of    string         // such as panel Sent, variable topic, annotation Alerts that fired
	Panel *grafana.Panel // nil where it is of no panel
	SQL   string
}

// Queries are all that a dashboard asks with what is chosen. The engine is asked for the options of variables, as Run does.
func (e Engine) Queries(ctx context.Context, d grafana.Dashboard, r datasource.Request, choice Choice) ([]Query, error) {
	variables, err := e.Variables(ctx, d, r, choice)
	if err != nil {
		return nil, err
	}
	var queries []Query
	add := func(of string, p *grafana.Panel, sql string, r datasource.Request) error {
		expanded, err := datasource.Expand(sql, variables, choice.Filters, r)
		if err != nil {
			return fmt.Errorf("%s, %s: %w", d.UID, of, err)
		}
		queries = append(queries, Query{Of: of, Panel: p, SQL: expanded})
		return nil
	}
	for _, v := range d.Templating.List {
		var q grafana.VariableQuery
		if v.Type != "query" {
			continue
		}
		if err := json.Unmarshal(v.Query, &q); err != nil {
			return nil, fmt.Errorf("%s, variable %s: %w", d.UID, v.Name, err)
		}
		if err := add("variable "+v.Name, nil, q.RawSQL, r); err != nil {
			return nil, err
		}
	}
	for _, a := range d.Annotations.List {
		if err := add("annotation "+a.Name, nil, a.Target.RawSQL, r); err != nil {
			return nil, err
		}
	}
	for i := range d.Panels {
		if p := &d.Panels[i]; p.Type != "row" {
			if err := add("panel "+p.Title, p, p.Targets[0].RawSQL, stepOf(p, r)); err != nil {
				return nil, err
			}
		}
	}
	return queries, nil
}
