package clickhouse

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestAnAuditTakesShorterSteps where ClickHouse has no time for an hour, and adds up the same; longer ones again once it has. Other errors, and what may
// not be cut, end it.
func TestAnAuditTakesShorterSteps(t *testing.T) {
	t.Parallel()
	s := openStore(t, shared, shared.database(t), nil)
	begin := time.Date(2026, 11, 27, 10, 7, 0, 0, time.UTC)
	const all = 2 * time.Hour
	r := AuditRange{From: begin, To: begin.Add(all), MaxParts: 1000}
	for name, c := range map[string]struct {
		longest, least time.Duration
		until          time.Duration // from the begin on, behind which an hour is held at once
		code           int
		held, inVain   int // statements
		refused        string
	}{
		"an hour is held at once":              {longest: time.Hour, least: time.Minute, code: codeTimeoutExceeded, held: 3},
		"ten minutes are":                      {longest: 10 * time.Minute, least: time.Minute, until: all, code: codeTimeoutExceeded, held: 13, inVain: 2}, // until 10:10, 10:20, ... 12:00, 12:07; 11:00 tries an hour
		"one minute is":                        {longest: time.Minute, least: time.Minute, until: all, code: codeTimeoutExceeded, held: 120, inVain: 5},     // 10:10, 10:30 and 11:10 try ten
		"one minute is for a while":            {longest: time.Minute, least: time.Minute, until: 5 * time.Minute, code: codeTimeoutExceeded, held: 28, inVain: 3},
		"ten minutes are for a while":          {longest: 10 * time.Minute, least: time.Minute, until: 30 * time.Minute, code: codeTimeoutExceeded, held: 8, inVain: 1},
		"nothing is":                           {least: time.Minute, until: all, code: codeTimeoutExceeded, inVain: 3, refused: "code: 159"},
		"a step of an hour is not cut":         {longest: 10 * time.Minute, least: time.Hour, until: all, code: codeTimeoutExceeded, inVain: 1, refused: "code: 159"},
		"another error has nothing to do with": {longest: 10 * time.Minute, least: time.Minute, until: all, code: 241, inVain: 1, refused: "code: 241"},
	} {
		t.Run(name, func(t *testing.T) {
			statements := 0
			got, err := s.auditSteps(t.Context(), AuditedTable{Table: "t"}, r, c.least, func(from, to time.Time) string {
				statements++
				minutes, longest := int(to.Sub(from)/time.Minute), c.longest
				if !from.Before(begin.Add(c.until)) {
					longest = time.Hour
				}
				return fmt.Sprintf(`SELECT %s + 60 * number AS begin, 2::UInt64 AS expected, (number < 1 ? 1 : 2)::UInt64 AS stored, '' AS source, 0::UInt64 AS block FROM numbers(%d)
					WHERE throwIf(%d > %d, 'too long', %d::Int16) = 0 SETTINGS allow_custom_error_code_in_throwif = 1`, moment(from), minutes, minutes, int(longest/time.Minute), c.code)
			})
			if want := c.held + c.inVain; statements != want {
				t.Errorf("took %d statements, want %d", statements, want)
			}
			if c.refused != "" {
				if err == nil || !strings.HasPrefix(err.Error(), "audit t from 2026-11-27T10:07:00Z on: ") || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("got %v, want %s", err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.Expected != 240 || got.Differ != uint64(c.held) {
				t.Errorf("got %+v, want 120 minutes of 2, and the first of each of %d statements short", got, c.held)
			}
		})
	}
}
