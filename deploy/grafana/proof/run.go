package proof

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/weirmq/weir/deploy/grafana"
	"github.com/weirmq/weir/deploy/grafana/datasource"
)

// Engine is a ClickHouse with HTTP interface.
type Engine struct {
	URL      string // such as http://127.0.0.1:8123
	Database string
}

// Frame is what a query answers.
type Frame struct {
	Columns []Column `json:"meta"`
	Rows    [][]any  `json:"data"`
}

// Column is one of a Frame.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"` // as ClickHouse says
}

// maxAnswerBytes of one query are read. Not smaller: a chart of a hundred series over days has megabytes; not larger: a browser would
// not bear it.
const maxAnswerBytes = 64 << 20

// Ask runs a query. The error has ClickHouse's own words.
func (e Engine) Ask(ctx context.Context, sql string) (*Frame, error) {
	settings := url.Values{"database": {e.Database}, "output_format_json_quote_64bit_integers": {"0"}, "output_format_json_quote_denormals": {"0"}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL+"/?"+settings.Encode(), strings.NewReader(sql+"\nFORMAT JSONCompact"))
	if err != nil {
		return nil, fmt.Errorf("make a request for ClickHouse: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask ClickHouse: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	if err != nil {
		return nil, fmt.Errorf("read ClickHouse's answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ClickHouse answers %s: %s", response.Status, strings.TrimSpace(string(body)))
	}
	var frame Frame
	if err := json.Unmarshal(body, &frame); err != nil {
		return nil, fmt.Errorf("read ClickHouse's answer: %w", err)
	}
	return &frame, nil
}

// Choice is what is chosen on a dashboard: of each variable that is named its values, and of the rest everything.
type Choice struct {
	Values  map[string][]string
	Filters []datasource.Filter
}

// Variables are those of a dashboard with what is chosen, the options asked of the engine one after the other, as each may depend on
// those before it. The error says whose query fails or finds nothing.
func (e Engine) Variables(ctx context.Context, d grafana.Dashboard, r datasource.Request, choice Choice) ([]datasource.Variable, error) {
	var variables []datasource.Variable
	for _, v := range d.Templating.List {
		made := datasource.Variable{Name: v.Name, Multi: v.Multi}
		switch v.Type {
		case "datasource":
			made.Values = []string{"weir"}
		case "query":
			var q grafana.VariableQuery
			if err := json.Unmarshal(v.Query, &q); err != nil {
				return nil, fmt.Errorf("%s, variable %s: %w", d.UID, v.Name, err)
			}
			frame, err := e.panel(ctx, q.RawSQL, variables, nil, r)
			if err != nil {
				return nil, fmt.Errorf("%s, variable %s: %w", d.UID, v.Name, err)
			}
			if len(frame.Columns) != 1 || !isText(frame.Columns[0].Type) || len(frame.Rows) == 0 {
				return nil, fmt.Errorf("%s, variable %s: its query answers %d rows of %v, want some of one text", d.UID, v.Name, len(frame.Rows), frame.Columns)
			}
			for _, row := range frame.Rows {
				made.Options = append(made.Options, fmt.Sprint(row[0]))
			}
			made.Values = []string{datasource.All}
		case "adhoc":
			continue
		default:
			made.Values = []string{v.Current.Value}
		}
		if values, chosen := choice.Values[v.Name]; chosen {
			made.Values = values
		}
		variables = append(variables, made)
	}
	return variables, nil
}

func (e Engine) panel(ctx context.Context, sql string, variables []datasource.Variable, filters []datasource.Filter, r datasource.Request) (*Frame, error) {
	expanded, err := datasource.Expand(sql, variables, filters, r)
	if err != nil {
		return nil, err
	}
	if left := strings.Index(expanded, "$__"); left >= 0 {
		return nil, fmt.Errorf("a macro is left: %s", expanded[left:])
	}
	frame, err := e.Ask(ctx, expanded)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, expanded)
	}
	return frame, nil
}

// Result is what a panel shows.
type Result struct {
	Panel  *grafana.Panel
	Frame  *Frame
	Faults []error // of the query, or of its answer
}

// Empty says that a panel has nothing to show: no rows, or for a number none that is known.
func (r *Result) Empty() bool {
	if r.Frame == nil || len(r.Frame.Rows) == 0 {
		return true
	}
	return r.Panel.Type == "stat" && r.Frame.Rows[0][0] == nil
}

// Run runs all queries of a dashboard: those of its variables, of its annotations, and of its panels.
func (e Engine) Run(ctx context.Context, d grafana.Dashboard, r datasource.Request, choice Choice) ([]Result, error) {
	variables, err := e.Variables(ctx, d, r, choice)
	if err != nil {
		return nil, err
	}
	for _, a := range d.Annotations.List {
		frame, err := e.panel(ctx, a.Target.RawSQL, variables, nil, r)
		if err == nil {
			err = checkAnnotation(frame)
		}
		if err != nil {
			return nil, fmt.Errorf("%s, annotation %s: %w", d.UID, a.Name, err)
		}
	}
	var results []Result
	for i := range d.Panels {
		p := &d.Panels[i]
		if p.Type == "row" {
			continue
		}
		result := Result{Panel: p}
		result.Frame, err = e.panel(ctx, p.Targets[0].RawSQL, variables, choice.Filters, stepOf(p, r))
		if err == nil {
			result.Faults = checkFrame(p, result.Frame)
		} else {
			result.Faults = []error{err}
		}
		for j, fault := range result.Faults {
			result.Faults[j] = fmt.Errorf("%s, panel %s: %w", d.UID, p.Title, fault)
		}
		results = append(results, result)
	}
	return results, nil
}

// stepOf is the request with the panel's least step.
func stepOf(p *grafana.Panel, r datasource.Request) datasource.Request {
	r.Interval = max(r.Interval, leastSteps[p.Interval])
	return r
}

// Chosen are the values of a variable, for a Choice of each of them.
func Chosen(variables []datasource.Variable, name string) []string {
	i := slices.IndexFunc(variables, func(v datasource.Variable) bool { return v.Name == name })
	if i < 0 {
		return nil
	}
	return variables[i].Options
}
