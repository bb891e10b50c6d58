// Package datasource does with a query what Grafana and its plugin grafana-clickhouse-datasource do before ClickHouse sees it:
// it puts in the dashboard's variables and ad-hoc filters, and expands the macros. So a dashboard can be run without Grafana.
//
// It follows version 4.20 of the plugin: what the browser does is in variables.go and filters.go, what the plugin's server does
// in macros.go and statements.go.
package datasource

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Version is that of the plugin which this package follows.
const Version = "4.20.0"

// Request is what a panel asks with: its time range, and the step that Grafana chose by the panel's width.
type Request struct {
	From, To time.Time
	Interval time.Duration
}

// seconds is the step in whole seconds, at least one.
func (r Request) seconds() int64 { return max(int64(r.Interval/time.Second), 1) }

// prefix begins each macro.
const prefix = "$__"

// macro is one that stands for an expression. Arguments are trimmed.
type macro struct {
	arguments int // -1 where any number is taken and none is used
	expand    func(r Request, arguments []string) (string, error)
}

func dateTime(t time.Time) string { return fmt.Sprintf("toDateTime(%d)", t.Unix()) }
func dateTime64(t time.Time) string {
	return fmt.Sprintf("fromUnixTimestamp64Milli(%d)", t.UnixMilli())
}
func date(t time.Time) string { return fmt.Sprintf("toDate('%s')", t.Format(time.DateOnly)) }

// between compares a column with both ends of the range.
func between(column string, r Request, literal func(time.Time) string) string {
	return fmt.Sprintf("%s >= %s AND %s <= %s", column, literal(r.From), column, literal(r.To))
}

func always(text func(Request) string) macro {
	return macro{-1, func(r Request, _ []string) (string, error) { return text(r), nil }}
}

func ofColumn(text func(r Request, column string) string) macro {
	return macro{1, func(r Request, arguments []string) (string, error) { return text(r, arguments[0]), nil }}
}

var dateAndTime = macro{2, func(r Request, arguments []string) (string, error) {
	return fmt.Sprintf("(%s) AND (%s)", between(arguments[0], r, date), between(arguments[1], r, dateTime)), nil
}}

// macros are all that stand for an expression. $__table and $__column are empty for a query that is written as SQL.
var macros = map[string]macro{
	"fromTime":       always(func(r Request) string { return dateTime(r.From) }),
	"toTime":         always(func(r Request) string { return dateTime(r.To) }),
	"fromTime_ms":    always(func(r Request) string { return dateTime64(r.From) }),
	"toTime_ms":      always(func(r Request) string { return dateTime64(r.To) }),
	"interval_s":     always(func(r Request) string { return fmt.Sprint(r.seconds()) }),
	"table":          always(func(Request) string { return "" }),
	"column":         always(func(Request) string { return "" }),
	"timeFilter":     ofColumn(func(r Request, column string) string { return between(column, r, dateTime) }),
	"timeFilter_ms":  ofColumn(func(r Request, column string) string { return between(column, r, dateTime64) }),
	"dateFilter":     ofColumn(func(r Request, column string) string { return between(column, r, date) }),
	"dateTimeFilter": dateAndTime,
	"dt":             dateAndTime,
	"timeFrom":       ofColumn(func(r Request, column string) string { return fmt.Sprintf("%s >= %s", column, dateTime(r.From)) }),
	"timeTo":         ofColumn(func(r Request, column string) string { return fmt.Sprintf("%s <= %s", column, dateTime(r.To)) }),
	"timeInterval": ofColumn(func(r Request, column string) string {
		return fmt.Sprintf("toStartOfInterval(toDateTime(%s), INTERVAL %d second)", column, r.seconds())
	}),
	"timeInterval_ms": ofColumn(func(r Request, column string) string {
		return fmt.Sprintf("toStartOfInterval(toDateTime64(%s, 3), INTERVAL %d millisecond)", column, max(r.Interval.Milliseconds(), 1))
	}),
	"timeGroup": {2, func(_ Request, arguments []string) (string, error) {
		period, err := time.ParseDuration(strings.Trim(arguments[1], `'"`))
		if err != nil || period.Round(time.Second) <= 0 {
			return "", fmt.Errorf("the period is %s, want a duration such as 5m", arguments[1])
		}
		return fmt.Sprintf("toStartOfInterval(toDateTime(%s), INTERVAL %d second)", arguments[0], int64(period.Round(time.Second)/time.Second)), nil
	}},
}

// expandMacros does what the plugin's server does. Comments are blanked, and macros in arguments of others expanded first. A macro
// that does not exist is left for ClickHouse to refuse.
func expandMacros(sql string, r Request) (string, error) {
	sql, err := expandStatement(blankComments(sql), r)
	if err != nil {
		return "", err
	}
	return expandExpressions(sql, r)
}

func expandExpressions(sql string, r Request) (string, error) {
	var out strings.Builder
	for i := 0; i < len(sql); {
		if !strings.HasPrefix(sql[i:], prefix) {
			if sql[i] == '\'' || sql[i] == '"' || sql[i] == '`' {
				end := skipQuoted(sql, i)
				out.WriteString(sql[i:end])
				i = end
				continue
			}
			out.WriteByte(sql[i])
			i++
			continue
		}
		end := i + len(prefix)
		for end < len(sql) && isWord(sql[end]) {
			end++
		}
		name := sql[i+len(prefix) : end]
		m, known := macros[name]
		if !known {
			out.WriteString(sql[i:end])
			i = end
			continue
		}
		text, next, err := call(sql, end, name, m, r)
		if err != nil {
			return "", err
		}
		out.WriteString(text)
		i = next
	}
	return out.String(), nil
}

// call expands a macro whose name ends at end, and says where its call does.
func call(sql string, end int, name string, m macro, r Request) (text string, next int, err error) {
	var arguments []string
	if end < len(sql) && sql[end] == '(' {
		last := closing(sql, end)
		if last < 0 {
			return "", 0, fmt.Errorf("%s%s: its parenthesis is not closed", prefix, name)
		}
		inner, err := expandExpressions(sql[end+1:last], r)
		if err != nil {
			return "", 0, err
		}
		arguments, end = splitArguments(inner), last+1
	}
	if m.arguments >= 0 && len(arguments) != m.arguments {
		return "", 0, fmt.Errorf("%s%s has %d arguments, want %d", prefix, name, len(arguments), m.arguments)
	}
	if text, err = m.expand(r, arguments); err != nil {
		return "", 0, fmt.Errorf("%s%s: %w", prefix, name, err)
	}
	return text, end, nil
}

// Known says that there is a macro or a variable of Grafana's own with a name, which is without $__.
func Known(name string) bool {
	if _, known := macros[name]; known {
		return true
	}
	if _, known := own("__"+name, "", Request{}); known {
		return true
	}
	return slices.Contains([]string{"conditionalAll", "adHocFilters", "adhoc_column", "columns", "rateColumns", "perSecondColumns", "increaseColumns", "lttb"}, name)
}
