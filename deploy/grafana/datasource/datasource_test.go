package datasource_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/deploy/grafana/datasource"
)

// Two hours that begin at 2026-11-26 18:00:00.250 UTC, in steps of 20 s.
var request = datasource.Request{From: time.UnixMilli(1795716000250).UTC(), To: time.UnixMilli(1795723200750).UTC(), Interval: 20 * time.Second}

var variables = []datasource.Variable{
	{Name: "cluster", Values: []string{"o'brien", "b"}, Multi: true, Options: []string{"o'brien", "b", "c"}},
	{Name: "topic", Values: []string{datasource.All}, Multi: true, Options: []string{"orders", "a.b"}},
	{Name: "client", Values: []string{"c-1"}, Options: []string{"c-1", "c-2"}},
	{Name: "one", Values: []string{"x"}, Multi: true, Options: []string{"x", "y"}},
	{Name: "empty", Values: []string{""}},
}

// expansions has every macro, every format of a variable and every operator of a filter, as version 4.20 of the plugin has them.
var expansions = []struct {
	name, sql, want string
	filters         []datasource.Filter
}{
	{name: "no macro", sql: "SELECT 1", want: "SELECT 1"},
	{name: "fromTime, toTime", sql: "t > $__fromTime AND t < $__toTime", want: "t > toDateTime(1795716000) AND t < toDateTime(1795723200)"},
	{name: "fromTime_ms, toTime_ms", sql: "$__fromTime_ms, $__toTime_ms()", want: "fromUnixTimestamp64Milli(1795716000250), fromUnixTimestamp64Milli(1795723200750)"},
	{name: "timeFilter", sql: "$__timeFilter( cast(a, 'b') )", want: "cast(a, 'b') >= toDateTime(1795716000) AND cast(a, 'b') <= toDateTime(1795723200)"},
	{name: "timeFilter_ms", sql: "$__timeFilter_ms(a)", want: "a >= fromUnixTimestamp64Milli(1795716000250) AND a <= fromUnixTimestamp64Milli(1795723200750)"},
	{name: "dateFilter", sql: "$__dateFilter(d)", want: "d >= toDate('2026-11-26') AND d <= toDate('2026-11-26')"},
	{name: "dateTimeFilter", sql: "$__dateTimeFilter(d, t)", want: "(d >= toDate('2026-11-26') AND d <= toDate('2026-11-26')) AND (t >= toDateTime(1795716000) AND t <= toDateTime(1795723200))"},
	{name: "dt", sql: "$__dt(d, t)", want: "(d >= toDate('2026-11-26') AND d <= toDate('2026-11-26')) AND (t >= toDateTime(1795716000) AND t <= toDateTime(1795723200))"},
	{name: "timeFrom, timeTo", sql: "$__timeFrom(t) AND $__timeTo(t)", want: "t >= toDateTime(1795716000) AND t <= toDateTime(1795723200)"},
	{name: "timeInterval", sql: "$__timeInterval(t)", want: "toStartOfInterval(toDateTime(t), INTERVAL 20 second)"},
	{name: "timeInterval_ms", sql: "$__timeInterval_ms(t)", want: "toStartOfInterval(toDateTime64(t, 3), INTERVAL 20000 millisecond)"},
	{name: "timeGroup", sql: "$__timeGroup(t, '5m')", want: "toStartOfInterval(toDateTime(t), INTERVAL 300 second)"},
	{name: "interval_s", sql: "sum(x) / $__interval_s", want: "sum(x) / 20"},
	{name: "Grafana's own", sql: "$__interval $__interval_ms ${__range_s} $__from ${__to:date:seconds} ${__from:date}", want: "20s 20000 7200 1795716000250 1795723200 2026-11-26T18:00:00.250Z"},
	{name: "table and column of no builder", sql: "a$__table-$__column", want: "a-"},
	{name: "one in another", sql: "$__timeInterval(coalesce(t, $__toTime))", want: "toStartOfInterval(toDateTime(coalesce(t, toDateTime(1795723200))), INTERVAL 20 second)"},
	{name: "unknown", sql: "$__nothing(t)", want: "$__nothing(t)"},
	{name: "comments", sql: "a -- $__fromTime\n/* ' $__toTime */ $__interval_s", want: "a               \n                  20"},
	{name: "quotes that look like comments", sql: "'it\\'s -- x' `a--b` \"c/*\" $t$ -- $t$ $__interval_s", want: "'it\\'s -- x' `a--b` \"c/*\" $t$ -- $t$ 20"},

	{name: "all of a condition", sql: "WHERE $__conditionalAll(topic IN (${topic:singlequote}), $topic)", want: "WHERE 1=1"},
	{name: "some of a condition", sql: "WHERE $__conditionalAll(cluster IN (${cluster:singlequote}), ${cluster})", want: `WHERE cluster IN ('o\'brien','b')`},
	{name: "conditions in a row", sql: "$__conditionalAll(a IN ($one), $one) AND $__conditionalAll(b IN ($topic), $topic)", want: "a IN ('x') AND 1=1"},
	{name: "a condition of nothing", sql: "$__conditionalAll(a = '$empty', $empty)", want: "1=1"},
	{name: "a condition on no variable", sql: "$__conditionalAll(a = 1, $gone)", want: "a = 1"},
	{name: "a condition without a variable", sql: "$__conditionalAll(a = 1)", want: "$__conditionalAll(a = 1)"},
	{name: "a format in the second place hides everything", sql: "$__conditionalAll(x, ${topic:csv})", want: "x"},

	{name: "a list without a format", sql: "IN ($topic) [[topic]]", want: "IN ('orders','a.b') 'orders','a.b'"},
	{name: "a single value without a format", sql: "'$client' ${client}", want: "'c-1' c-1"},
	{name: "formats", sql: "${cluster:sqlstring} ${cluster:doublequote} ${cluster:csv} ${topic:pipe} ${topic:regex} ${client:regex} ${topic:json} ${client:raw} [[client:text]]",
		want: `'o''brien','b' "o'brien","b" o'brien,b orders|a.b (orders|a\.b) c-1 ["orders","a.b"] c-1 c-1`},
	{name: "formats of links", sql: "${topic:queryparam}&${cluster:queryparam} ${client:percentencode}", want: "var-topic=%24__all&var-cluster=o%27brien&var-cluster=b c-1"},

	{name: "no filter", sql: "SELECT 1 FROM t SETTINGS $__adHocFilters('t')", want: "SELECT 1 FROM t SETTINGS additional_table_filters={}"},
	{name: "filters", sql: `SETTINGS $__adHocFilters('t', "u")`, filters: []datasource.Filter{{Key: "t.a", Operator: "=", Value: "x"}, {Key: "b", Operator: "!~", Value: "y.*"}},
		want: `SETTINGS additional_table_filters={'t': ' a = \'x\' AND b NOT REGEXP \'y.*\' ', 'u': ' a = \'x\' AND b NOT REGEXP \'y.*\' '}`},
	{name: "filters of other operators", sql: `$__adHocFilters('t')`, filters: []datasource.Filter{{Key: "a", Operator: "IN", Value: "'x','y'", Or: true}, {Key: "b", Operator: "=~", Value: "z"}, {Key: "c", Operator: ">=", Value: "1"}},
		want: `additional_table_filters={'t': ' a IN (\'x\',\'y\') OR b REGEXP \'z\' AND c >= \'1\' '}`},
	{name: "a filter of a map", sql: `$__adHocFilters('t')`, filters: []datasource.Filter{{Key: "t.labels['a.b']", Operator: "=", Value: "x"}},
		want: `additional_table_filters={'t': ' labels[\'a.b\'] = \'x\' '}`},
	{name: "filters without the macro are lost", sql: "SELECT 1", filters: []datasource.Filter{{Key: "a", Operator: "=", Value: "x"}}, want: "SELECT 1"},

	{name: "columns", sql: "$__columns(ts, topic, sum(messages) AS sent) FROM traffic",
		want: "SELECT toStartOfInterval(toDateTime(ts), INTERVAL 20 second) AS t, toString(topic) AS metric, sum(messages) AS sent FROM traffic WHERE ts >= toDateTime(1795716000) AND ts <= toDateTime(1795723200) GROUP BY t, metric ORDER BY t, metric"},
	{name: "columns with clauses", sql: "WITH 1 AS x $__columns(ts, concat(a, ' AS ') AS k, max(b)) from traffic where c = 'WHERE' or d having e order\nby t limit 5 settings f = 1;",
		want: "WITH 1 AS x SELECT toStartOfInterval(toDateTime(ts), INTERVAL 20 second) AS t, toString(concat(a, ' AS ')) AS k, max(b) AS value from traffic WHERE ts >= toDateTime(1795716000) AND ts <= toDateTime(1795723200) AND (c = 'WHERE' or d) GROUP BY t, k having e order\nby t limit 5 settings f = 1"},
	{name: "rateColumns", sql: "$__rateColumns(ts, a, sum(b)) FROM c",
		want: "SELECT toStartOfInterval(toDateTime(ts), INTERVAL 20 second) AS t, toString(a) AS metric, if((t - lagInFrame(t, 1, t) OVER w) = 0, nan, sum(b) / (t - lagInFrame(t, 1, t) OVER w)) AS value FROM c WHERE ts >= toDateTime(1795716000) AND ts <= toDateTime(1795723200) GROUP BY t, metric WINDOW w AS (PARTITION BY metric ORDER BY t ASC ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) ORDER BY t, metric"},
	{name: "perSecondColumns", sql: "$__perSecondColumns(ts, a, b) FROM c",
		want: "SELECT toStartOfInterval(toDateTime(ts), INTERVAL 20 second) AS t, toString(a) AS metric, if((t - lagInFrame(t, 1, t) OVER w) = 0 OR (max(b) - lagInFrame(max(b), 1, max(b)) OVER w) < 0, nan, (max(b) - lagInFrame(max(b), 1, max(b)) OVER w) / (t - lagInFrame(t, 1, t) OVER w)) AS value FROM c WHERE ts >= toDateTime(1795716000) AND ts <= toDateTime(1795723200) GROUP BY t, metric WINDOW w AS (PARTITION BY metric ORDER BY t ASC ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) ORDER BY t, metric"},
	{name: "increaseColumns", sql: "$__increaseColumns(ts, a, b) FROM c",
		want: "SELECT toStartOfInterval(toDateTime(ts), INTERVAL 20 second) AS t, toString(a) AS metric, if((t - lagInFrame(t, 1, t) OVER w) = 0 OR (max(b) - lagInFrame(max(b), 1, max(b)) OVER w) < 0, nan, toFloat64(max(b) - lagInFrame(max(b), 1, max(b)) OVER w)) AS value FROM c WHERE ts >= toDateTime(1795716000) AND ts <= toDateTime(1795723200) GROUP BY t, metric WINDOW w AS (PARTITION BY metric ORDER BY t ASC ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) ORDER BY t, metric"},
	{name: "lttb", sql: "$__lttb(auto, ts, latency) FROM c",
		want: "SELECT point.1 AS ts, point.2 AS latency FROM (SELECT arrayJoin(lttb(360)(ts, latency)) AS point FROM c WHERE ts >= toDateTime(1795716000) AND ts <= toDateTime(1795723200)) ORDER BY ts"},
	{name: "lttb of groups", sql: "$__lttb(50, ts AS at, avg(v)) FROM c WHERE d GROUP BY at",
		want: "SELECT point.1 AS at, point.2 AS y FROM (SELECT arrayJoin(lttb(50)(at, y)) AS point FROM (SELECT ts AS at, avg(v) AS y FROM c WHERE ts >= toDateTime(1795716000) AND ts <= toDateTime(1795723200) AND (d) GROUP BY at ORDER BY at)) ORDER BY at"},
}

func TestExpand(t *testing.T) {
	t.Parallel()
	for _, c := range expansions {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := datasource.Expand(c.sql, variables, c.filters, request)
			if err != nil || got != c.want {
				t.Errorf("%s\nbecomes\n%s %v\nwant\n%s", c.sql, got, err, c.want)
			}
		})
	}
}

// TestExpandRefuses holds that what the plugin refuses is refused, and that the error names it.
func TestExpandRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ sql, want string }{
		{"$__timeFilter", "$__timeFilter has 0 arguments, want 1"},
		{"$__timeFilter(a, b)", "$__timeFilter has 2 arguments, want 1"},
		{"$__timeFilter_ms()", "$__timeFilter_ms has 0"},
		{"$__dateTimeFilter(a)", "$__dateTimeFilter has 1 arguments, want 2"},
		{"$__timeInterval(a", "parenthesis is not closed"},
		{"$__timeGroup(t, month)", "want a duration"},
		{"$__timeGroup(t, 0s)", "want a duration"},
		{"${topic:upper}", "unknown format"},
		{"SELECT * FROM ($__columns(a, b, c) FROM d)", "must begin the query"},
		{"$__columns(a, b, c) $__lttb(1, a, b) FROM d", "may have one of them"},
		{"$__columns(a, b) FROM d", "want 3"},
		{"$__columns FROM d", "three arguments"},
		{"$__columns(a, b, c) WHERE d", "FROM must follow"},
		{"$__columns(a, b, c) FROM d GROUP BY e", "its own GROUP BY"},
		{"$__columns(a, b, c) FROM d LIMIT 1 WHERE e", "WHERE stands after LIMIT"},
		{"$__lttb(0, a, b) FROM d", "want a number or auto"},
	} {
		if got, err := datasource.Expand(c.sql, variables, nil, request); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s becomes %q with the error %v, want one with %q", c.sql, got, err, c.want)
		}
	}
}

func TestReferences(t *testing.T) {
	t.Parallel()
	got := datasource.References("$a ${b:csv} [[c]] $__timeFilter(x) ${__url_time_range}")
	if want := []string{"a", "b", "c", "__timeFilter", "__url_time_range"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// FuzzExpand: whatever people write ends with a text or an error.
func FuzzExpand(f *testing.F) {
	for _, c := range expansions {
		f.Add(c.sql)
	}
	f.Add("$__timeFilter(")
	f.Add("$__conditionalAll((,$topic")
	f.Add("'\\")
	f.Fuzz(func(t *testing.T, sql string) {
		got, err := datasource.Expand(sql, variables, []datasource.Filter{{Key: "a['b", Operator: "IN", Value: "'"}}, request)
		if err != nil && got != "" {
			t.Errorf("%q: %q and %v", sql, got, err)
		}
	})
}
