package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/ClickHouse/clickhouse-go/v2/lib/column"

	"github.com/weirmq/weir/sink/clickhouse"
)

// simulatedStore keeps rows as ClickHouse does under FINAL: of those that are equal in what a table is ordered by,
// the one of the highest version. Its tables are those of the migrations.
type simulatedStore struct {
	tables map[string]*simulatedTable
	fails  int // inserts that fail next
	errors int // of this second
}

type simulatedTable struct {
	schema *tableSchema
	rows   map[string][]any
}

// tableSchema is what a migration says of a table.
type tableSchema struct {
	name    string
	columns []string // in their order
	kinds   map[string]column.Type
	key     []string
	version string
}

var (
	createTable = regexp.MustCompile(`(?s)CREATE TABLE IF NOT EXISTS (\w+) \((.*?)\n\)\nENGINE = ReplacingMergeTree\(?(\w*)\)?.*?ORDER BY \(([^)]*)\)`)
	addColumn   = regexp.MustCompile("(?m)^ALTER TABLE (\\w+) ADD COLUMN IF NOT EXISTS `?([\\w.]+)`? +([A-Z].*?)(?: CODEC.*| DEFAULT.*)? AFTER ")
	columnLine  = regexp.MustCompile("(?m)^    `?([\\w.]+)`? +([A-Z][^\\n]*?)(?: CODEC.*| DEFAULT.*)?,?$")
)

// simulatedSchemas are the tables of all migrations.
var simulatedSchemas = sync.OnceValue(func() []*tableSchema {
	var out []*tableSchema
	for _, file := range []string{"0001_rollup.sql", "0002_alerts.sql", "0004_history.sql", "0006_alert_revision.sql"} {
		text, err := os.ReadFile("../sink/clickhouse/migrations/" + file)
		if err != nil {
			panic(err)
		}
		for _, found := range createTable.FindAllStringSubmatch(string(text), -1) {
			schema := &tableSchema{name: found[1], kinds: map[string]column.Type{}, version: found[3]}
			for _, line := range columnLine.FindAllStringSubmatch(found[2], -1) {
				schema.columns = append(schema.columns, line[1])
				schema.kinds[line[1]] = column.Type(line[2])
			}
			for _, name := range strings.Split(found[4], ",") {
				schema.key = append(schema.key, strings.TrimSpace(name))
			}
			out = append(out, schema)
		}
		for _, added := range addColumn.FindAllStringSubmatch(string(text), -1) {
			schema := out[slices.IndexFunc(out, func(s *tableSchema) bool { return s.name == added[1] })]
			schema.columns = append(schema.columns, added[2])
			schema.kinds[added[2]] = column.Type(added[3])
		}
	}
	return out
})

func newSimulatedStore() *simulatedStore {
	s := &simulatedStore{tables: map[string]*simulatedTable{}}
	for _, schema := range simulatedSchemas() {
		s.tables[schema.name] = &simulatedTable{schema, map[string][]any{}}
	}
	return s
}

// open is the sink, connected to this store.
func (d *simulatedStore) open(s *simulation, m *simulatedMember) *clickhouse.Store {
	return clickhouse.NewStore(simulatedConn{s: s, m: m}, clickhouse.Config{})
}

// column returns a value of a row.
func (t *simulatedTable) column(row []any, name string) any {
	return row[slices.Index(t.schema.columns, name)]
}

// put keeps the row that a merge would keep.
func (t *simulatedTable) put(row []any) {
	var key strings.Builder
	for _, name := range t.schema.key {
		fmt.Fprint(&key, t.column(row, name), "\x00")
	}
	old := t.rows[key.String()]
	if old == nil || t.schema.version == "" || t.column(row, t.schema.version).(uint64) >= t.column(old, t.schema.version).(uint64) {
		t.rows[key.String()] = row
	}
}

// simulatedConn is a connection of one process to the store.
type simulatedConn struct {
	driver.Conn
	s *simulation
	m *simulatedMember
}

var insertInto = regexp.MustCompile(`(?s)INSERT INTO (\w+) \((.*)\)`)

// PrepareBatch begins an insert.
func (c simulatedConn) PrepareBatch(_ context.Context, query string, _ ...driver.PrepareBatchOption) (driver.Batch, error) {
	found := insertInto.FindStringSubmatch(query)
	if slices.Contains([]string{"inventory", "inventory_hours", "trace_hops", "client_event_log"}, found[1]) {
		return unkeptBatch{}, nil
	}
	b := &simulatedBatch{c: c, table: c.s.store.tables[found[1]]}
	for _, name := range strings.Split(found[2], ",") {
		name = strings.TrimSpace(name)
		made, err := b.table.schema.kinds[name].Column(name, &column.ServerContext{Timezone: time.UTC})
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", name, err)
		}
		b.columns, b.places = append(b.columns, made), append(b.places, slices.Index(b.table.schema.columns, name))
	}
	return b, nil
}

// unkeptBatch is an insert into the inventory, whose merges are the engine's to do: tests of the sink hold them there.
type unkeptBatch struct{ driver.Batch }

// Append takes a row.
func (unkeptBatch) Append(...any) error { return nil }

// Send acknowledges all.
func (unkeptBatch) Send() error { return nil }

// Abort gives the insert up.
func (unkeptBatch) Abort() error { return nil }

// simulatedBatch is an insert.
type simulatedBatch struct {
	driver.Batch
	c       simulatedConn
	table   *simulatedTable
	columns []column.Interface
	places  []int   // of the columns in a row
	rows    [][]any // that were appended one by one
}

// Columns are those of the statement.
func (b *simulatedBatch) Columns() []column.Interface { return b.columns }

// Abort gives the insert up.
func (b *simulatedBatch) Abort() error { return nil }

// Append adds a row.
func (b *simulatedBatch) Append(values ...any) error {
	for i, value := range values {
		if err := b.columns[i].AppendRow(value); err != nil {
			return err
		}
	}
	b.rows = append(b.rows, values)
	return nil
}

// row returns what the statement's columns have in a row.
func (b *simulatedBatch) row(i int) []any {
	if b.rows != nil {
		return b.rows[i]
	}
	out := make([]any, len(b.columns))
	for at, column := range b.columns {
		out[at] = column.Row(i, false)
	}
	return out
}

// maxStoreErrors bounds what fails in a second, so that the sink's pauses, which are spread at random, are over when the
// next one begins: else no seed would play the same history again.
const maxStoreErrors = 2

var errSimulatedStore = errors.New("the store does not answer")

// Send stores the rows: all, none, or the first half, whatever it says of it.
func (b *simulatedBatch) Send() error {
	s := b.c.s
	fault := s.strike(b.c.m, "inserts into "+b.table.schema.name)
	rows := max(b.columns[0].Rows(), len(b.rows))
	err := fault.err()
	if s.store.errors >= maxStoreErrors {
		err = nil
	}
	switch {
	case fault == failsBefore && err != nil || fault == diesLate:
		rows = 0
	case s.store.fails > 0 && err == nil && s.store.errors < maxStoreErrors:
		s.store.fails--
		err, rows = errSimulatedStore, []int{0, rows / 2, rows}[s.random.IntN(3)]
	}
	for i := range rows {
		row := make([]any, len(b.table.schema.columns))
		for at, value := range b.row(i) {
			row[b.places[at]] = value
		}
		b.table.put(row)
	}
	if err != nil {
		s.store.errors++
	}
	s.end(b.c.m, fault)
	return err
}
