package clickhouse

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestAnAuditTakesShorterSteps where ClickHouse has no time for an hour, and adds up the same. Other errors, and what may not be cut, end it.
func TestAnAuditTakesShorterSteps(t *testing.T) {
	t.Parallel()
	s := openStore(t, shared, shared.database(t), nil)
	begin := time.Date(2026, 11, 27, 10, 7, 0, 0, time.UTC)
	r := AuditRange{From: begin, To: begin.Add(2 * time.Hour), MaxParts: 1000}
	for name, c := range map[string]struct {
		longest, least time.Duration
		code           int
		statements     int
		refused        string
	}{
		"an hour is held at once":              {time.Hour, time.Minute, codeTimeoutExceeded, 3, ""},
		"ten minutes are":                      {10 * time.Minute, time.Minute, codeTimeoutExceeded, 14, ""}, // an hour, then from 10:07 to 10:10, 10:20, ... 12:00, 12:07
		"one minute is":                        {time.Minute, time.Minute, codeTimeoutExceeded, 122, ""},
		"nothing is":                           {0, time.Minute, codeTimeoutExceeded, 3, "code: 159"},
		"a step of an hour is not cut":         {10 * time.Minute, time.Hour, codeTimeoutExceeded, 1, "code: 159"},
		"another error has nothing to do with": {10 * time.Minute, time.Minute, 241, 1, "code: 241"},
	} {
		t.Run(name, func(t *testing.T) {
			statements := 0
			got, err := s.auditSteps(t.Context(), AuditedTable{Table: "t"}, r, c.least, func(from, to time.Time) string {
				statements++
				minutes := int(to.Sub(from) / time.Minute)
				return fmt.Sprintf(`SELECT %s + 60 * number AS begin, 2::UInt64 AS expected, (number < 1 ? 1 : 2)::UInt64 AS stored, '' AS source, 0::UInt64 AS block FROM numbers(%d)
					WHERE throwIf(%d > %d, 'too long', %d::Int16) = 0 SETTINGS allow_custom_error_code_in_throwif = 1`, moment(from), minutes, minutes, int(c.longest/time.Minute), c.code)
			})
			if statements != c.statements {
				t.Errorf("took %d statements, want %d", statements, c.statements)
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
			if held := c.statements - map[bool]int{true: 0, false: 1}[c.longest == time.Hour]; got.Expected != 240 || c.longest >= 10*time.Minute && got.Differ != uint64(held) {
				t.Errorf("got %+v, want 120 minutes of 2, and the first of each of %d statements short", got, held)
			}
		})
	}
}
