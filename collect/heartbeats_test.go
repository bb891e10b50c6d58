package collect_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/telemetry"
)

// beats are the heartbeats of a cluster that is polled each ten seconds.
type beats struct {
	collect.Heartbeats[int]
	at time.Time
}

// poll takes in that brokers answered within so many milliseconds, those of 0 not, and of those below 0 that it was not found out. What is
// then reported are lines, as "node failures=1 peers=0.04 trips=1".
func (b *beats) poll(after time.Duration, millis map[int]int) []string {
	b.at = b.at.Add(after)
	var all []collect.Probed[int]
	for id, took := range millis {
		all = append(all, collect.Probed[int]{ID: id, Node: fmt.Sprint("b", id), Answered: took > 0, OutOfTime: took < 0, Took: time.Duration(took) * time.Millisecond})
	}
	b.Take(all, b.at)
	out := collect.Reports{At: b.at, Collector: "here"}
	b.ReportAll(&out)
	return linesOf(out.All)
}

func linesOf(reports []telemetry.Report) []string {
	var lines []string
	for i := range reports {
		r := &reports[i]
		line := []string{r.Labels.Node}
		for _, g := range r.Gauges {
			switch g.Name {
			case telemetry.GaugeHeartbeatFailed:
				line = append(line, fmt.Sprintf("failures=%g", g.Value))
			case telemetry.GaugeHeartbeatPeers:
				line = append(line, fmt.Sprintf("peers=%g", g.Value))
			}
		}
		if n := r.HeartbeatMicros.Count(); n > 0 {
			line = append(line, fmt.Sprintf("trips=%d", n))
		}
		if r.Labels.Op != "probe" || r.Labels.Client != "here" {
			line = append(line, fmt.Sprintf("labels=%+v", r.Labels))
		}
		lines = append(lines, strings.Join(line, " "))
	}
	return lines
}

// TestHeartbeats are those of brokers 1 and 2, poll by poll.
func TestHeartbeats(t *testing.T) {
	b := &beats{at: time.Unix(1_795_626_000, 0)}
	for _, step := range []struct {
		name   string
		after  time.Duration
		millis map[int]int
		want   []string
	}{
		{"the first that is known", 0, map[int]int{1: 10}, []string{"b1 failures=0 trips=1"}},
		{"one never answered", 0, map[int]int{1: 10, 2: 0}, []string{"b1 failures=0 trips=1", "b2 peers=0.01"}},
		{"a second time", 0, map[int]int{1: 10, 2: 0}, []string{"b1 failures=0 trips=1", "b2 peers=0.01"}},
		{"a third time, which tells", 0, map[int]int{1: 10, 2: 0}, []string{"b1 failures=0 trips=1", "b2 failures=3 peers=0.01"}},
		{"it answers", 0, map[int]int{1: 10, 2: 30}, []string{"b1 failures=0 peers=0.03 trips=1", "b2 failures=0 peers=0.01 trips=1"}},
		{"and does not", 0, map[int]int{1: 10, 2: 0}, []string{"b1 failures=0 peers=0.03 trips=1", "b2 failures=1 peers=0.01"}},
		{"no time was left for it", 0, map[int]int{1: 10, 2: -1}, []string{"b1 failures=0 peers=0.03 trips=1", "b2 failures=1 peers=0.01"}},
		{"the median of two", time.Second, map[int]int{1: 10, 2: 50}, []string{"b1 failures=0 peers=0.04 trips=1", "b2 failures=0 peers=0.01 trips=1"}},
		{"a minute later one is left", time.Minute, map[int]int{1: 0, 2: 0}, []string{"b1 failures=1 peers=0.05", "b2 failures=1 peers=0.01"}},
		{"and then none", time.Second, map[int]int{1: 0, 2: 0}, []string{"b1 failures=2", "b2 failures=2"}},
		{"one leaves while it fails", 0, map[int]int{2: 0}, []string{"b2 failures=3", "b1 failures=0"}},
		{"that it failed is over for a minute", time.Minute, map[int]int{2: 0}, []string{"b2 failures=4", "b1 failures=0"}},
		{"and not longer", time.Second, map[int]int{2: 0}, []string{"b2 failures=5"}},
		{"it comes back, and is new", 0, map[int]int{1: 0, 2: 10}, []string{"b1 peers=0.01", "b2 failures=0 trips=1"}},
		{"one leaves that is well", 0, map[int]int{1: 10}, []string{"b1 failures=0 trips=1"}},
	} {
		if got := b.poll(step.after, step.millis); !slices.Equal(got, step.want) {
			t.Errorf("%s: got %q, want %q", step.name, got, step.want)
		}
	}
	b.poll(0, map[int]int{1: 10, 2: 0})
	if !b.Silent(2) || b.Silent(1) || b.Silent(3) || len(b.Nodes()) != 2 || b.Nodes()[2] != "b2" {
		t.Errorf("got %v, of which 2 is silent: %v, want 1, and 2, which is", b.Nodes(), b.Silent(2))
	}
}

// TestABrokerThatMovesWhileItFails has its former node end with no failures.
func TestABrokerThatMovesWhileItFails(t *testing.T) {
	var h collect.Heartbeats[int]
	for poll, node := range []string{"here", "here", "there", "here"} {
		h.Take([]collect.Probed[int]{{ID: 1, Node: node}}, time.Unix(1_795_626_000, 0))
		out := collect.Reports{Collector: "here"}
		h.ReportAll(&out)
		want := [][]string{{"here"}, {"here"}, {"there failures=3", "here failures=0"}, {"here failures=4", "there failures=0"}}[poll]
		if got := linesOf(out.All); !slices.Equal(got, want) {
			t.Errorf("got %q in poll %d, want %q", got, poll, want)
		}
	}
}

// TestHeartbeatsOfTwoKinds compares canaries with canaries and requests with requests: a broker that alone takes canaries is not slow.
func TestHeartbeatsOfTwoKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &beats{at: time.Now()}
		for range 2 {
			b.Await(map[int]string{1: "b1", 2: "b2"}) // 0 and 3 get no canaries
		}
		for id := 1; id < 3; id++ {
			b.TakeCanary(id, collect.CanaryOutcome{Took: time.Duration(id) * time.Second})
		}
		want := []string{"b0 failures=0 peers=0.004 trips=1", "b1 failures=0 peers=2 trips=1", "b2 failures=0 peers=1 trips=1", "b3 failures=0 peers=0.001 trips=1"}
		if got := b.poll(0, map[int]int{0: 1, 1: 2, 2: 3, 3: 4}); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		b.TakeCanary(1, collect.CanaryOutcome{Failed: errors.New("its disk hangs")})
		if got := b.poll(0, map[int]int{1: 2}); len(got) != 1 || got[0] != "b1 failures=1" {
			t.Errorf("got %q of a broker that answers requests and takes no canary, want one failure", got)
		}
		b.Await(nil)
		if got := b.poll(0, map[int]int{1: 2}); len(got) != 1 || got[0] != "b1 failures=0 trips=1" {
			t.Errorf("got %q of one that came back as a slave, which takes no canaries, want that all is well", got)
		}
	})
}

// TestCanariesWithoutPolls go on where polls find nothing: round trips count for a minute all the same.
func TestCanariesWithoutPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &beats{at: time.Now()}
		b.Await(map[int]string{1: "b1", 2: "b2"})
		b.Await(map[int]string{1: "b1", 2: "b2"})
		for _, took := range []time.Duration{9 * time.Second, time.Second} {
			b.TakeCanary(1, collect.CanaryOutcome{Took: took})
			b.TakeCanary(2, collect.CanaryOutcome{Took: took})
			if took > time.Second {
				_ = within(t.Context(), time.Minute+time.Second)
			}
		}
		out := collect.Reports{At: time.Now(), Collector: "here"}
		b.ReportAll(&out)
		if got, want := linesOf(out.All), []string{"b1 failures=0 peers=1 trips=2", "b2 failures=0 peers=1 trips=2"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q: what the others took in the last minute alone", got, want)
		}
	})
}

// roster has canaries sent to brokers 1 and 2 by a function of the test's.
func roster(send func(ctx context.Context, to string) collect.CanaryOutcome) *collect.CanaryRoster[int, string] {
	r := &collect.CanaryRoster[int, string]{Wanted: true, Beats: &collect.Heartbeats[int]{}, Send: send,
		Begin: func(at time.Time) collect.Reports { return collect.Reports{At: at, Collector: "here"} }}
	r.See([]collect.CanaryBroker[int, string]{{ID: 1, Node: "b1", Called: "broker 1", To: "one"}, {ID: 2, Node: "b2", Called: "broker 2", To: "two"}})
	return r
}

// TestWhoRefusesIsLeftAlone asks a broker that refused canaries no sooner than a minute later.
func TestWhoRefusesIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := map[string]int{}
		refuses := true
		r := roster(func(_ context.Context, to string) collect.CanaryOutcome {
			sent[to]++
			if to == "one" && refuses {
				return collect.CanaryOutcome{Impossible: errors.New("not permitted"), Refused: true}
			}
			return collect.CanaryOutcome{Took: time.Second}
		})
		probe := func(broker, want string) {
			t.Helper()
			reports, ok := r.Probe(t.Context(), broker)
			if got := linesOf(reports); !ok || len(got) != 1 || got[0] != want {
				t.Errorf("got %q, %v, want %q", got, ok, want)
			}
		}
		probe("1", "b1")
		probe("1", "b1")
		probe("2", "b2 failures=0 trips=1")
		if want := "broker 1 can be sent no canaries, so that its heartbeats are round trips: not permitted"; r.Err() == nil || r.Err().Error() != want || sent["one"] != 1 {
			t.Errorf("got %v after %d canaries, want %s after one", r.Err(), sent["one"], want)
		}
		refuses = false
		_ = within(t.Context(), time.Minute)
		probe("1", "b1 failures=0 peers=1 trips=1")
		if r.Err() != nil {
			t.Errorf("got %v where all is well", r.Err())
		}
	})
}

// TestCanariesOfWhoLeaves are not reported: a poll finds that a broker left while its canary is under way, or another has no such broker.
func TestCanariesOfWhoLeaves(t *testing.T) {
	var r *collect.CanaryRoster[int, string]
	var sent atomic.Int32
	r = roster(func(_ context.Context, to string) collect.CanaryOutcome {
		if sent.Add(1); to == "one" {
			r.Beats.Take(nil, time.Now())
		}
		return collect.CanaryOutcome{Failed: errors.New("refused")}
	})
	if got := r.Brokers(); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("canaries go to %v, want 1 and 2", got)
	}
	for _, broker := range []string{"1", "7"} {
		if reports, ok := r.Probe(t.Context(), broker); !ok || len(reports) != 0 {
			t.Errorf("got %v and %v of broker %s, want nothing", ok, reports, broker)
		}
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if reports, ok := r.Probe(over, "2"); !ok || len(reports) != 0 {
		t.Errorf("got %v and %v once it is over, want nothing", ok, reports)
	}
	if r.ProbeAll(t.Context()); sent.Load() != 4 {
		t.Errorf("%d canaries were sent, want one to 1, one to 2, and one to both", sent.Load())
	}
}

// TestSoManyAreAskedAtOnce asks ten, three at a time.
func TestSoManyAreAskedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var asked [10]bool
		collect.AskEach(3, len(asked), func(i int) {
			asked[i] = true
			_ = within(t.Context(), time.Second)
		})
		if took := time.Since(began); took != 4*time.Second || slices.Contains(asked[:], false) {
			t.Errorf("asking %v took %s, want four seconds for all", asked, took)
		}
	})
}

// TestClientsAreReportedTwiceAMinute says which polls do.
func TestClientsAreReportedTwiceAMinute(t *testing.T) {
	var c collect.ClientReports
	began := time.Unix(1_795_626_000, 0)
	for _, step := range []struct {
		after int // seconds
		want  bool
	}{{0, true}, {5, false}, {29, false}, {30, true}, {59, false}, {61, true}} {
		if got := c.Due(began.Add(time.Duration(step.after) * time.Second)); got != step.want {
			t.Errorf("after %d s clients are reported: %v, want %v", step.after, got, step.want)
		}
	}
}

// TestAProbeThatHadNoTime says nothing: the poll ended a moment after it began.
func TestAProbeThatHadNoTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over, cancel := context.WithCancel(t.Context())
		cancel()
		for _, c := range []struct {
			name string
			ctx  context.Context
			ago  time.Duration
			want bool
		}{
			{"the poll goes on", t.Context(), 0, false}, {"it just ended", over, 0, true},
			{"it ended before there was time", over, collect.ProbeTime/8 - 1, true}, {"it ended when there had been time", over, collect.ProbeTime / 8, false},
		} {
			if got := collect.OutOfTime(c.ctx, time.Now().Add(-c.ago)); got != c.want {
				t.Errorf("%s: got %v, want %v", c.name, got, c.want)
			}
		}
	})
}
