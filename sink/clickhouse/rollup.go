package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// Tables of longer steps.
const (
	RollupMinutes = "rollup_1m" // made of rollup_10s, without sources and segments
	RollupTopics  = "topic_1m"  // made of rollup_1m, by topic
	RollupHours   = "rollup_1h" // made of rollup_1m
)

// RollupTables are all of them, in the order in which they are made.
var RollupTables = [...]string{RollupMinutes, RollupTopics, RollupHours, RollupGroups}

// rollup says how a table is made of another: whole steps, added up by labels. The version of a row is the sum of the reports in it, so
// that of two that were made of the same step the one wins that was made of more, and what is made again of rows that have expired loses.
type rollup struct {
	into, from string
	step       time.Duration
	labels     string // columns by which is added up
	cut        string // those of them, all in the sorting key, whose hash cuts a step that has too many rows
	clients    bool   // how many there were is counted
	merge      bucketMerge
	only       string // of which rows it is made, where that is not of all: a condition
	gauges     bool   // it has gauges, and nothing that adds up
}

// cutBySeries cuts within a topic, too: one topic alone may have more series than a statement may add up.
const cutBySeries = "env, cluster, topic, client, partition"

var (
	rollupMinutes = rollup{into: RollupMinutes, from: "rollup_10s", step: time.Minute, labels: labelList, cut: cutBySeries, merge: mergeSorted}
	rollupTopics  = rollup{into: RollupTopics, from: RollupMinutes, step: time.Minute, clients: true, cut: "env, cluster, topic", merge: mergeByMap,
		labels: "env, cluster, system, topic, consumer_group, op, tier, lane, tag"}
	rollupHours = rollup{into: RollupHours, from: RollupMinutes, step: time.Hour, labels: labelList, cut: cutBySeries, merge: mergeSorted}
)

// addedUp are the columns that are added up, with the expressions that do, and those that these name.
func addedUp(merge bucketMerge) (columns [][2]string, with []string) {
	sums := func(names ...string) {
		for _, name := range names {
			columns = append(columns, [2]string{name, "sum(" + name + ")"})
		}
	}
	pair := func(keys, values, key, value string) {
		columns = append(columns, [2]string{"`" + keys + "`", key}, [2]string{"`" + values + "`", value})
	}
	sums("reports", "messages", "bytes", "errors")
	const errors = "sumMap(CAST(`error.class`, 'Array(String)'), `error.count`)"
	pair("error.class", "error.count", errors+".1", errors+".2")
	for _, h := range dayHistograms {
		named, indexes, counts := merge(h.name)
		with = append(with, named...)
		pair(h.name+".i", h.name+".c", indexes, counts)
		columns = append(columns, [2]string{h.sum, "sum(" + h.sum + ")"}, [2]string{h.greatest, "max(" + h.greatest + ")"})
	}
	sums("rebalances", "dropped_reports", "interval_ms")
	return columns, with
}

// begin is the expression of a step's begin.
func (r *rollup) begin() string {
	return fmt.Sprintf("toStartOfInterval(ts, INTERVAL %d SECOND)", int(r.step.Seconds()))
}

// statement adds up the rows that a condition on the key selects: PREWHERE, so that FINAL has only these to merge.
func (r *rollup) statement(where string, merge bucketMerge) string {
	if r.gauges {
		return r.gaugeStatement(where)
	}
	columns, values := []string{"ts", r.labels}, []string{r.begin(), r.labels}
	sums, with := addedUp(merge)
	for _, c := range sums {
		columns, values = append(columns, c[0]), append(values, c[1])
	}
	if r.clients {
		columns, values = append(columns, "clients"), append(values, "uniqExactIf(client, client != '')")
	}
	named := ""
	if len(with) > 0 {
		named = "WITH " + strings.Join(with, ", ") + " "
	}
	return fmt.Sprintf("INSERT INTO %s (%s) %sSELECT %s FROM %s FINAL PREWHERE %s GROUP BY %s, %s", r.into, strings.Join(columns, ", "), named,
		strings.Join(values, ", "), r.from, where, r.begin(), r.labels)
}

// Bounds of one statement that adds up.
const (
	// maxRollupRows is about how many rows it reads; a step that has more is added up in parts. Not fewer: each statement makes parts
	// that must be merged; not more: the histograms of all that comes of them are held in memory, and it must end within attemptTimeout
	// on a server that people ask things of: two busy cores took some 5 s.
	maxRollupRows = 100_000
	// maxRollupThreads is by how many threads. Not fewer: a large fleet's minute takes seconds; not more: people's questions come first.
	maxRollupThreads = 2
)

// rollupBatch is what one statement adds up: whole steps of one day, so that it writes to one partition.
type rollupBatch struct {
	steps []time.Time // their begins, in order
	rows  uint64
	parts int // by which it is cut further, where one step has too many rows
}

// condition says which rows are those of a part of a batch.
func (b *rollupBatch) condition(r *rollup, part int) string {
	first, last, seconds := b.steps[0], b.steps[len(b.steps)-1], int64(r.step.Seconds())
	text := fmt.Sprintf("ts >= toDateTime(%d, 'UTC') AND ts < toDateTime(%d, 'UTC')", first.Unix(), last.Add(r.step).Unix())
	if last.Sub(first) != time.Duration(len(b.steps)-1)*r.step {
		numbers := make([]string, len(b.steps))
		for i, step := range b.steps {
			numbers[i] = fmt.Sprint(step.Unix() / seconds)
		}
		text += fmt.Sprintf(" AND intDiv(toUnixTimestamp(ts), %d) IN (%s)", seconds, strings.Join(numbers, ", "))
	}
	if b.parts > 1 {
		text += fmt.Sprintf(" AND cityHash64(%s) %% %d = %d", r.cut, b.parts, part)
	}
	return text
}

// batches cuts steps, given in order, by days and by how many rows they have.
func (s *Store) batches(ctx context.Context, r *rollup, steps []time.Time, most uint64) ([]rollupBatch, error) {
	var out []rollupBatch
	for len(steps) > 0 {
		day := steps[0].Truncate(24 * time.Hour)
		n, _ := slices.BinarySearchFunc(steps, day.Add(24*time.Hour), time.Time.Compare)
		counts, err := s.rowsOfSteps(ctx, r, steps[:n])
		if err != nil {
			return nil, err
		}
		out, steps = append(out, cutByRows(steps[:n], counts, most)...), steps[n:]
	}
	return out, nil
}

// cutByRows cuts steps of a day by how many rows they have.
func cutByRows(steps []time.Time, counts map[int64]uint64, most uint64) []rollupBatch {
	var out []rollupBatch
	for _, step := range steps {
		rows := counts[step.Unix()]
		if len(out) == 0 || out[len(out)-1].rows+rows > most {
			out = append(out, rollupBatch{})
		}
		batch := &out[len(out)-1]
		batch.steps, batch.rows = append(batch.steps, step), batch.rows+rows
		batch.parts = int((batch.rows + most - 1) / most)
	}
	return out
}

// rowsOfSteps counts the rows of steps of a day, all versions, by their begin.
func (s *Store) rowsOfSteps(ctx context.Context, r *rollup, steps []time.Time) (map[int64]uint64, error) {
	out := map[int64]uint64{}
	if len(steps) == 0 {
		return out, nil
	}
	of := rollupBatch{steps: steps}
	var begin time.Time
	var rows uint64
	err := s.askRows(ctx, fmt.Sprintf("SELECT %s AS begin, count() FROM %s WHERE %s GROUP BY begin", r.begin(), r.from, of.condition(r, 0)),
		[]any{&begin, &rows}, func() { out[begin.Unix()] = rows })
	if err != nil {
		return nil, fmt.Errorf("count the rows of %s: %w", r.from, err)
	}
	return out, nil
}

// addUp adds up one batch. Doing so again changes nothing.
func (s *Store) addUp(ctx context.Context, r *rollup, batch *rollupBatch) error {
	settings := driver.Settings{"max_bytes_before_external_group_by": groupBytes, "max_threads": maxRollupThreads, finalByPartition: 1}
	for name, value := range s.settings {
		settings[name] = value
	}
	for part := range max(1, batch.parts) {
		ctx, cancel := context.WithTimeout(driver.Context(ctx, driver.WithSettings(settings)), attemptTimeout)
		where := batch.condition(r, part)
		err := s.conn.Exec(ctx, r.statement(where, r.merge))
		if tooLargeForSorted(err) {
			err = s.conn.Exec(ctx, r.statement(where, mergeByKey))
		}
		cancel()
		if err != nil {
			return fmt.Errorf("from %s on: %w", batch.steps[0].Format(time.RFC3339), err)
		}
	}
	return nil
}

// askRows asks once, and calls each when a row was read into the values.
func (s *Store) askRows(ctx context.Context, statement string, into []any, each func()) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	rows, err := s.conn.Query(ctx, statement)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		each()
	}
	return rows.Err()
}
