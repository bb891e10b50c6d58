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
		by, err := s.lifetime(ctx, table)
		if err != nil {
			return time.Time{}, err
		}
		if whole := by.now.Add(expiring - by.shortest); by.known && by.shortest > 0 && whole.After(since) {
			since = whole.UTC()
		}
	}
	return since, nil
}

// tableLifetime is for how long rows of a table are kept, as far as its TTL says.
type tableLifetime struct {
	shortest time.Duration // of the tier whose rows expire first, 0 where none do
	known    bool          // false where somebody wrote the TTL by hand in another way
	now      time.Time     // when that was asked
}

func (s *Store) lifetime(ctx context.Context, table string) (tableLifetime, error) {
	of := tableLifetime{known: true}
	var engine string
	row := s.conn.QueryRow(ctx, "SELECT any(engine_full), now('UTC') FROM system.tables WHERE database = currentDatabase() AND name IN (?, ?) AND endsWith(engine, 'MergeTree')", table, table+localSuffix)
	if err := row.Scan(&engine, &of.now); err != nil {
		return of, fmt.Errorf("ask for how long rows of %s are kept: %w", table, err)
	}
	if ttl := ttlOf.FindStringSubmatch(engine); ttl != nil {
		of.shortest, of.known = shortestLifetime(ttl[1])
	}
	return of, nil
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
