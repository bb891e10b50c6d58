package clickhouse

import (
	"fmt"
	"testing"
	"time"
)

// randomCells inserts cells with histograms of random buckets, of any index and of counts below a bound, in several versions and segments.
func (s *store) randomCells(begin time.Time, seed int, indexes string, counts uint64) {
	s.t.Helper()
	i := func(salt string) string {
		return fmt.Sprintf("arraySort(arrayDistinct(arrayMap(x -> toInt16(%s), range(cityHash64(number, %s, %d) %% 40))))",
			fmt.Sprintf(indexes, fmt.Sprintf("cityHash64(x, number, %s, %d)", salt, seed)), salt, seed)
	}
	c := func(of string) string {
		return fmt.Sprintf("arrayMap(i -> 1 + cityHash64(i, number) %% %d, %s)", counts, of)
	}
	s.query(fmt.Sprintf("INSERT INTO rollup_10s (ts, topic, client, source, reports, `latency.i`, `latency.c`, `size.i`, `size.c`, `error.class`, `error.count`) "+
		"WITH %[1]s AS latency, %[2]s AS size SELECT %[3]d + 10 * (cityHash64(number, %[4]d) %% 700), 'topic-' || toString(number %% 3), toString(number %% 7), "+
		"toString(number %% 2), number, latency, %[5]s, size, %[6]s, ['a', 'b'], [number %% 3, number] FROM numbers(4000)",
		i("1"), i("2"), begin.Unix(), seed, c("latency"), c("size")))
}

// TestBucketsAreMergedAlike: what is faster than sumMap answers what it does, row for row, for any indexes and counts.
func TestBucketsAreMergedAlike(t *testing.T) {
	t.Parallel()
	begin := time.Now().UTC().Truncate(24 * time.Hour).Add(-24 * time.Hour)
	for seed, of := range []struct {
		indexes string // of a hash
		counts  uint64
	}{
		{"%s %% 60", 9},
		{"-1 + %s %% 2221", 1 << 30},
		{"%s", 1 << 40}, // any, also such as nobody writes
		{"bitOr(32766, %s)", 3},
	} {
		s := newStore(t)
		s.randomCells(begin, seed, of.indexes, of.counts)
		s.query("OPTIMIZE TABLE rollup_10s FINAL")
		for _, r := range []*rollup{&rollupMinutes, &rollupTopics, &rollupHours} {
			s.query("CREATE TABLE by_key AS " + r.into)
			by := *r
			by.into = "by_key"
			for _, statement := range []string{r.statement("ts > 0", r.merge), by.statement("ts > 0", mergeByKey)} {
				if err := s.conn.Exec(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			columns := "SELECT * EXCEPT inserted_at FROM "
			s.expect(fmt.Sprintf("SELECT (SELECT count() FROM (%[1]s%[2]s EXCEPT %[1]sby_key)), (SELECT count() FROM (%[1]sby_key EXCEPT %[1]s%[2]s)), (SELECT count() FROM %[2]s) = (SELECT count() FROM by_key)",
				columns, r.into), "0\t0\t1")
			s.expect("SELECT count() > 1, max(length(latency.i)) > 1, max(length(size.c)) > 1 FROM by_key", "1\t1\t1")
			s.query("DROP TABLE by_key")
		}
	}
}

// TestCountsOfAnySizeAreAddedUp: what does not fit into a packed number is added up another way.
func TestCountsOfAnySizeAreAddedUp(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	begin := time.Now().UTC().Truncate(time.Hour).Add(-5 * time.Hour)
	const large = uint64(1) << packedCountBits
	s.query(fmt.Sprintf("INSERT INTO rollup_10s (ts, topic, source, reports, `latency.i`, `latency.c`) SELECT %d + 10 * number, 'orders', 'a', 1, [-1, 7], [%d, number + 1] FROM numbers(3)",
		begin.Unix(), large))
	s.round()
	for _, table := range []string{RollupMinutes, RollupTopics, RollupHours} {
		s.expect("SELECT latency.i, latency.c FROM "+table, fmt.Sprintf("[-1,7]\t[%d,6]", 3*large))
	}
}
