package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/weirmq/weir/deploy/grafana"
	"github.com/weirmq/weir/deploy/grafana/datasource"
	"github.com/weirmq/weir/deploy/grafana/proof"
)

// Limits of what people wait for.
const (
	dayLimit  = time.Second
	weekLimit = 3 * time.Second
	findLimit = 100 * time.Millisecond
)

// storeRanges are those that are asked for, with the step that Grafana takes of a panel of about a thousand points.
var storeRanges = []struct {
	name        string
	span, step  time.Duration
	limit       time.Duration
	asIntervals string // in the words of a question
}{
	{"24h", 24 * time.Hour, time.Minute, dayLimit, "INTERVAL 24 HOUR"},
	{"7d", 7 * 24 * time.Hour, 10 * time.Minute, weekLimit, "INTERVAL 7 DAY"},
}

// chosenOne is what is chosen on the dashboards that are about one of something.
var chosenOne = map[string]map[string]string{
	"weir-cluster": {"cluster": "orders-kafka"},
	"weir-topic":   {"cluster": "orders-kafka", "topic": "orders"},
	"weir-group":   {"cluster": "orders-kafka", "group": "orders-readers"},
	"weir-client":  {"cluster": "orders-kafka", "client": "orders-service-0"},
	"weir-large":   {"cluster": "orders-kafka", "topic": "media"},
}

// storeQuery is one that is measured.
type storeQuery struct {
	what, span string
	limit      time.Duration
	sql        string
	shows      bool // it has rows on a whole fleet
}

// queries are all that are measured: of dashboards, with everything and with one chosen, and of the page.
func (e storeEngine) queries(ctx context.Context, page string, end time.Time) ([]storeQuery, error) {
	text, err := os.ReadFile(page)
	if err != nil {
		return nil, fmt.Errorf("read the questions: %w; run it where Weir's sources are, or name the page with --questions", err)
	}
	engine := proof.Engine{URL: "http://" + e.addr, Database: "default"}
	var out []storeQuery
	for _, span := range storeRanges {
		request := datasource.Request{From: end.Add(-span.span), To: end, Interval: span.step}
		add := func(d grafana.Dashboard, chosen map[string]string, name string) error {
			choice := proof.Choice{Values: map[string][]string{}}
			for variable, value := range chosen {
				choice.Values[variable] = []string{value}
			}
			queries, err := engine.Queries(ctx, d, request, choice)
			for _, q := range queries {
				out = append(out, storeQuery{what: name + ": " + q.Of, span: span.name, limit: span.limit, sql: asOf(q.SQL, end), shows: q.Panel != nil && chosen == nil})
			}
			return err
		}
		for _, d := range grafana.Dashboards() {
			name := strings.TrimPrefix(d.UID, "weir-")
			if err := add(d, nil, name); err != nil {
				return nil, err
			}
			if one := chosenOne[d.UID]; one != nil {
				if err := add(d, one, name+" of one"); err != nil {
					return nil, err
				}
			}
		}
	}
	return append(out, questions(string(text), end)...), nil
}

var (
	question = regexp.MustCompile("(?s)<!-- query ([a-z0-9-]+) -->\n```sql\n(.*?)```")
	lookback = regexp.MustCompile(`INTERVAL (\d+) (MINUTE|HOUR|DAY)`)
	unitSpan = map[string]time.Duration{"MINUTE": time.Minute, "HOUR": time.Hour, "DAY": 24 * time.Hour}
)

// newestOnly is the lookback of questions about how things are now: longer ones would ask something else.
const newestOnly = "INTERVAL 15 MINUTE"

// questions are those of the page as they are written, and those with a range of their own for a day and for a week, too.
func questions(page string, end time.Time) (out []storeQuery) {
	for _, match := range question.FindAllStringSubmatch(page, -1) {
		name, sql := "question "+match[1], strings.TrimRight(match[2], " \n;")
		intervals, longest := map[string]bool{}, time.Duration(0)
		for _, found := range lookback.FindAllStringSubmatch(sql, -1) {
			n, _ := strconv.Atoi(found[1]) // it is digits
			intervals[found[0]], longest = true, max(longest, time.Duration(n)*unitSpan[found[2]])
		}
		if strings.Contains(sql, "today() - 7") {
			longest = 7 * 24 * time.Hour
		}
		limit := dayLimit
		if longest > 25*time.Hour {
			limit = weekLimit
		}
		out = append(out, storeQuery{what: name, span: "as is", limit: limit, sql: asOf(sql, end), shows: true})
		if len(intervals) != 1 || intervals[newestOnly] {
			continue
		}
		for _, span := range storeRanges {
			out = append(out, storeQuery{what: name, span: span.name, limit: span.limit, shows: true, sql: asOf(lookback.ReplaceAllString(sql, span.asIntervals), end)})
		}
	}
	return out
}

// asOf asks as if it were then: the data may have been made a while ago.
func asOf(sql string, now time.Time) string {
	return strings.NewReplacer("now()", fmt.Sprintf("toDateTime(%d, 'UTC')", now.Unix()), "today()", fmt.Sprintf("toDate('%s')", now.Format(time.DateOnly))).Replace(sql)
}
