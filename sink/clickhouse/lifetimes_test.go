package clickhouse

import (
	"fmt"
	"testing"
	"time"
)

// TestShortestLifetime reads what ClickHouse writes of the TTLs that Weir gives to tables, and nothing else.
func TestShortestLifetime(t *testing.T) {
	for ttl, want := range map[string]time.Duration{
		"ts + toIntervalDay(30)":                                                      30 * day,
		"toDateTime(ts) + toIntervalDay(7)":                                           7 * day,
		"segment_minute + toIntervalHour(36)":                                         36 * time.Hour,
		"ts + toIntervalDay(multiIf(tier = 'S4', 3, 30))":                             3 * day,
		"ts + toIntervalDay(multiIf(tier = 'S1', 90, 30))":                            30 * day,
		`ts + toIntervalHour(multiIf(tier = 'S4, 1', 72, tier = 'it\'s 2', 36, 720))`: 36 * time.Hour,
		"ts + toIntervalDay(30) WHERE tier = 'S4'":                                    0,
		"ts + toIntervalMonth(1)":                                                     0,
		"ts + toIntervalDay(7) RECOMPRESS CODEC(ZSTD(9)), ts + toIntervalDay(30)":     0,
		"multiIf(tier = 'S4', ts + toIntervalDay(3), ts + toIntervalDay(30))":         0,
	} {
		if got, known := shortestLifetime(ttl); got != want || known != (want > 0) {
			t.Errorf("%s: got %s, known: %t; want %s", ttl, got, known, want)
		}
	}
}

// TestExpiredTiersAreNotShort: what a tier has lost by its lifetime is nothing that an audit may miss, and what it should have still is.
func TestExpiredTiersAreNotShort(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.retain(Retention{"rollup_10s": {Rows: 30 * day, Tiers: []TierLifetime{{"S4", 3 * day}}}})
	since, err := s.KeptSince(t.Context(), "ledger", "rollup_10s")
	if wanted := time.Now().Add(expiring - 3*day); err != nil || since.Sub(wanted).Abs() > time.Hour/2 {
		t.Fatalf("rows are kept since %s, %v, want %s", since, err, wanted)
	}
	if since, err = s.KeptSince(t.Context(), "ledger"); err != nil || since.Sub(time.Now().Add(expiring-30*day)).Abs() > time.Hour/2 {
		t.Errorf("rows of the ledger are kept since %s, %v", since, err)
	}
	begin := time.Now().UTC().Truncate(day).Add(-4 * day)
	// lacks is yesterday. Not the day before: late in the evening its first minutes are taken to expire.
	lacks := begin.Add(3 * day)
	for _, at := range []time.Time{begin, lacks} { // of the first the tier S4 has expired, of the second it is lost
		s.query(fmt.Sprintf("INSERT INTO ledger (source, segment_minute, reports, closed, version, inserted_at) VALUES ('%s', %d, 5, true, 10, now() - 600)", auditSource, at.Unix()))
		s.query(fmt.Sprintf("INSERT INTO rollup_10s (ts, topic, source, segment_minute, reports, inserted_at) VALUES (%d, 'orders', '%s', %[1]d, 3, now() - 600)", at.Unix(), auditSource))
	}
	audit := func(from time.Time) AuditedTable {
		t.Helper()
		of, err := s.AuditCells(t.Context(), AuditRange{From: from, To: from.Add(day), Settled: time.Now()}, 10*time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return of
	}
	if of := audit(begin); of.Differ != 0 || of.Expected != 0 || of.From.Before(of.To) || of.Expired.IsZero() {
		t.Errorf("of a day whose tier has expired: %+v", of)
	}
	if of := audit(lacks); of.Expected != 5 || of.Stored != 3 || of.Short != 2 || !of.Expired.IsZero() {
		t.Errorf("of a day that lacks some: %+v", of)
	}
	of, err := s.AuditCells(t.Context(), AuditRange{From: begin, To: lacks.Add(day), Settled: time.Now()}, 10*time.Minute)
	if err != nil || of.Expected != 5 || of.Short != 2 || !of.From.Equal(of.Expired) || of.From.Before(begin.Add(day)) {
		t.Errorf("of all days: %+v, %v", of, err)
	}
}
