package clickhouse

import (
	"fmt"
	"strings"
	"testing"
)

// measuredHops is a day of 60 kept steps a second.
const measuredHops = 5_000_000

// fillHops makes steps of messages in the engine: of 300 topics in 3 clusters, spread over a day, each message with a trace, a sender
// and two receipts.
const fillHops = `INSERT INTO trace_hops (ts, env, cluster, system, topic, consumer_group, op, client, node, trace_id, message_id, step, kept,
	latency_us, delay_us, size_bytes, sampled_of, source, source_offset, position)
SELECT toDateTime64('2027-01-15 00:00:00', 3, 'UTC') + toIntervalMillisecond(intDiv(intDiv(number, 3) * 3 * 86400000, %[1]d)), 'prod',
	['eu-1', 'us-1', 'ap-1'][1 + intDiv(number, 3) %% 3], 'kafka', 'topic-' || toString(intHash64(intDiv(number, 3)) %% 300),
	['', 'billing', 'search'][1 + number %% 3], ['send', 'consume', 'consume'][1 + number %% 3], 'client-' || toString(intHash64(number) %% 10000),
	'10.0.0.' || toString(intHash64(number) %% 250), lower(hex(MD5(toString(intDiv(number, 3))))),
	'topic-' || toString(intHash64(intDiv(number, 3)) %% 300) || '/' || toString(intDiv(number, 3) %% 12) || '/' || toString(7000000 + intDiv(number, 3)),
	['sent', 'received', 'received'][1 + number %% 3], 'sampled', intHash64(number) %% 20000, intHash64(number + 1) %% 90000, 100 + number %% 900, 1000,
	'AAAAAAAAAAAAAAAAAAAAAA-' || toString(number %% 8), intDiv(number, 8), number %% 2
FROM numbers(%[1]d)`

// BenchmarkFindHops finds a message of five million steps by its trace and by its id, and says that there is none.
func BenchmarkFindHops(b *testing.B) {
	s := newStore(b)
	s.query(fmt.Sprintf(fillHops, measuredHops))
	b.Log("rows, bytes, parts as inserted: ", s.query(heldBytes))
	measure := func(parts string) {
		// Another id each time: ClickHouse remembers where a condition held.
		ids := func(column string) []string {
			return strings.Fields(s.query("SELECT " + column + " FROM trace_hops WHERE op = 'send' AND source_offset % 5000 = 77 ORDER BY rand()"))
		}
		nothing := make([]string, 100)
		for i := range nothing {
			nothing[i] = fmt.Sprint("topic-7/0/", i)
		}
		for name, of := range map[string]struct {
			ids  []string
			hops int
		}{"trace": {ids("trace_id"), 3}, "message": {ids("message_id"), 3}, "nothing": {nothing, 0}} {
			b.Run(parts+"/"+name, func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					hops, _, err := s.FindHops(b.Context(), HopQuery{ID: of.ids[i%len(of.ids)]})
					if err != nil || len(hops) != of.hops {
						b.Fatalf("found %d steps, %v, want %d", len(hops), err, of.hops)
					}
				}
			})
		}
		b.Run(parts+"/what is held of a topic", func(b *testing.B) {
			for b.Loop() {
				if held, err := s.HopsHeld(b.Context(), HopQuery{}, "topic-7"); err != nil || held.Steps == 0 {
					b.Fatal(held, err)
				}
			}
		})
	}
	measure("inserted")
	s.query("OPTIMIZE TABLE trace_hops FINAL")
	b.Log("rows, bytes, parts merged: ", s.query(heldBytes))
	b.Log("bytes of a row by column: ", s.query(columnBytes))
	measure("merged")
	b.Run("view", func(b *testing.B) {
		trace := s.query("SELECT any(trace_id) FROM trace_hops WHERE source_offset = 300000")
		for b.Loop() {
			s.query("SELECT * FROM traces WHERE trace_id = '" + trace + "'")
		}
	})
	for _, index := range []string{"ix_trace_id", "ix_message_id"} {
		s.query("ALTER TABLE trace_hops DROP INDEX " + index + " SETTINGS mutations_sync = 2")
	}
	measure("without indexes")
}

const heldBytes = "SELECT sum(rows), sum(bytes_on_disk), sum(secondary_indices_compressed_bytes), count() FROM system.parts WHERE active AND database = currentDatabase() AND table = 'trace_hops'"

const columnBytes = "SELECT arrayStringConcat(groupArray(concat(column, ' ', toString(round(bytes, 2)))), ', ') FROM (SELECT column, sum(column_data_compressed_bytes) / sum(rows) AS bytes FROM system.parts_columns WHERE active AND database = currentDatabase() AND table = 'trace_hops' GROUP BY column HAVING bytes > 0.05 ORDER BY bytes DESC)"
