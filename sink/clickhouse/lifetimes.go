package clickhouse

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// expiring is how long before their time rows are taken to expire. Not less: a question takes minutes, and clocks differ; not more: so much
// less is known of them.
const expiring = time.Hour

// KeptSince is from when on rows of all tiers are there in some tables, as far as their TTL says: the zero time where it says nothing. Of the
// time before, a tier that is kept for a shorter time than others is missing, and nothing else tells of it.
func (s *Store) KeptSince(ctx context.Context, tables ...string) (time.Time, error) {
	var since time.Time
	for _, table := range tables {
		var engine string
		var now time.Time
		row := s.conn.QueryRow(ctx, "SELECT any(engine_full), now('UTC') FROM system.tables WHERE database = currentDatabase() AND name IN (?, ?) AND endsWith(engine, 'MergeTree')", table, table+localSuffix)
		if err := row.Scan(&engine, &now); err != nil {
			return time.Time{}, fmt.Errorf("ask for how long rows of %s are kept: %w", table, err)
		}
		ttl := ttlOf.FindStringSubmatch(engine)
		if ttl == nil {
			continue
		}
		if rows, known := shortestLifetime(ttl[1]); known && now.Add(expiring-rows).After(since) {
			since = now.Add(expiring - rows).UTC()
		}
	}
	return since, nil
}

// cutExpired leaves out of a range what tables may have lost by their lifetimes, of rows whose time is before a part's by so much, and says
// from when on it is whole, the zero time where all of it is.
func (s *Store) cutExpired(ctx context.Context, r *AuditRange, before time.Duration, tables ...string) (time.Time, error) {
	since, err := s.KeptSince(ctx, tables...)
	if err != nil || since.IsZero() {
		return time.Time{}, err
	}
	if since = since.Add(before + telemetry.SegmentLength - 1).Truncate(telemetry.SegmentLength); !r.From.Before(since) {
		return time.Time{}, nil
	}
	r.From = since
	return since, nil
}

// What a TTL is that Weir writes: RetainedTable.expires, as ClickHouse writes it.
var (
	ttlLength   = regexp.MustCompile(`^\w+(?:\(\w+\))? \+ toInterval(Day|Hour)\((\d+|multiIf\([^()]*\))\)$`)
	ttlTexts    = regexp.MustCompile(`(?s)'(?:[^'\\]|\\.)*'`)
	ttlNumber   = regexp.MustCompile(`\b\d+\b`)
	ttlUnitsFor = map[string]time.Duration{"Day": 24 * time.Hour, "Hour": time.Hour}
)

// shortestLifetime is that of the tier whose rows expire first. Of a TTL that somebody wrote by hand in another way it is not known.
func shortestLifetime(ttl string) (shortest time.Duration, known bool) {
	found := ttlLength.FindStringSubmatch(ttlTexts.ReplaceAllString(ttl, "''"))
	if found == nil {
		return 0, false
	}
	for _, digits := range ttlNumber.FindAllString(found[2], -1) {
		number, err := strconv.Atoi(digits)
		if err != nil {
			return 0, false
		}
		if length := time.Duration(number) * ttlUnitsFor[found[1]]; !known || length < shortest {
			shortest, known = length, true
		}
	}
	return shortest, known
}
