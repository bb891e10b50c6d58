package clickhouse

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestGroupsThatHavePassedAMessage are known by their lag: where nothing is unread, or where the oldest message that is unread is newer for
// certain. What is not certain is not said.
func TestGroupsThatHavePassedAMessage(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	written := time.Now().UTC().Truncate(day).Add(-day / 2) // tables keep it
	now := written.Add(2 * time.Hour)
	lag := func(group string, after time.Duration, messages, seconds string) {
		s.query(fmt.Sprintf("INSERT INTO rollup_10s (ts, env, cluster, system, topic, partition, consumer_group, op, source, reports, `gauge.name`, `gauge.last`, `gauge.max`, `gauge.at`) "+
			"SELECT toDateTime(%d, 'UTC') AS ts, 'prod', 'eu-1', 'kafka', 'orders', '3', '%s', 'group', 's', 1, ['lag_messages', 'lag_seconds'], [%s, %s], [0, 0], [ts, ts]",
			written.Add(after).Unix(), group, messages, seconds))
	}
	lag("all read", time.Minute, "0", "0") // clocks may differ by so much
	lag("all read", 2*time.Minute, "0", "0")
	lag("all read", 3*time.Minute, "0", "0")
	lag("behind", 5*time.Minute, "40", "270")
	lag("behind", 6*time.Minute, "40", "300") // the oldest is of the last second that may be the message's
	lag("behind", 7*time.Minute, "40", "359")
	lag("stuck", 10*time.Minute, "40", "600")
	lag("stuck", 119*time.Minute, "40", "7100")
	lag("a lower bound", 119*time.Minute, "40", "3600")
	lag("later", 119*time.Minute, "1", "30")
	got, err := s.GroupCommits(t.Context(), CommitQuery{Env: "prod", Cluster: "eu-1", Topic: "orders", Partition: "3", Written: written, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a lower bound: never, 1h59m0s 40 3600", "all read: 2m0s, 3m0s 0 0", "behind: 7m0s, 7m0s 40 359", "later: 1h59m0s, 1h59m0s 1 30", "stuck: never, 1h59m0s 40 7100"}
	if diff := cmp.Diff(want, commitLines(got, written)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, q := range []CommitQuery{{Topic: "orders", Partition: "3", Now: now}, {Env: "prod", Cluster: "us-1", Topic: "orders", Partition: "3", Written: written, Now: now},
		{Topic: "orders", Partition: "4", Written: written, Now: now}} {
		if got, err = s.GroupCommits(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		want = nil
		if q.Cluster == "" && q.Partition == "3" { // of the newest alone
			want = []string{"a lower bound: never, 1h59m0s 40 3600", "later: never, 1h59m0s 1 30", "stuck: never, 1h59m0s 40 7100"}
		}
		if diff := cmp.Diff(want, commitLines(got, written)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", q, diff)
		}
	}
}

func commitLines(of []GroupCommit, since time.Time) (lines []string) {
	for _, c := range of {
		passed := "never"
		if !c.PassedAt.IsZero() {
			passed = c.PassedAt.Sub(since).String()
		}
		lines = append(lines, fmt.Sprintf("%s: %s, %s %v %v", c.Group, passed, c.At.Sub(since), *c.LagMessages, *c.LagSeconds))
	}
	return lines
}
