package report

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/internal/reported"
)

// TestAnOutageLongerThanAReport counts on while as many reports wait as may, for as
// long as one report can say; then it drops, and each drop is counted once.
func TestAnOutageLongerThanAReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := Config{MaxTopics: 1, MaxBufferedReports: 1}
		r := &Reporter{config: config, registry: meter.NewRegistry(config.settings())}
		r.waiting.Store(1)
		c := measure(r)
		send(c, "orders")
		r.sendAll(due)
		reported.Want(t, "dropped while a report still holds the message", r.Stats().Dropped, 0)
		for range 3 {
			<-time.NewTimer(time.Duration(meter.MaxReportMillis) * time.Millisecond).C
			r.sendAll(due)
		}
		reported.Want(t, "dropped, by Stats", r.Stats().Dropped, 3)
		for m := range c.All {
			var rest meter.Taken
			m.Take(&rest, c, r.registry.Clock.WallMillis())
			reported.Want(t, "messages after the outage", rest.Report.Messages, 0)
			reported.Want(t, "dropped, for the next report", rest.Report.DroppedReports, 3)
		}
	})
}

// TestFinalReportsComeOnTopOfTheBound closes a Reporter that may hold one report and has
// many topics to report.
func TestFinalReportsComeOnTopOfTheBound(t *testing.T) {
	const topics = 50
	reports := startCluster(t)
	r := open(t, reports, Config{MaxBufferedReports: 1, Interval: maxInterval})
	c := measure(r)
	for i := range topics {
		send(c, fmt.Sprint("topic-", i))
	}
	mustClose(t, r)
	all := readReports(t, reports)
	reported.Want(t, "final reports", uint64(len(all)), topics)
	reported.Want(t, "messages", reported.Sum(all, reported.Series{}).Messages, topics)
}

// TestCloseSaysWhatIsMissing closes a Reporter whose telemetry cluster does not answer.
func TestCloseSaysWhatIsMissing(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var accepting sync.WaitGroup
	accepting.Go(func() { acceptAll(silent) })
	defer accepting.Wait()
	defer silent.Close()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, addr := range map[string]string{"refuses connections": nowhere, "is silent": silent.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			r := open(t, []string{addr}, Config{Interval: maxInterval})
			c := measure(r)
			send(c, "orders", "payments", "refunds")
			c.Stopped()
			begin := time.Now()
			err := r.Close(ended)
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("Close took %s after its context had ended", took)
			}
			if expected := "close telemetry: context canceled; 3 reports were not acknowledged"; err == nil || err.Error() != expected {
				t.Errorf("got error  %v\nwant error %s", err, expected)
			}
			reported.Eventually(t, "the reports count as dropped", func() bool { return r.Stats() == Stats{Dropped: 3} })
		})
	}
}

// acceptAll takes connections, and never answers, until the listener is closed.
func acceptAll(l net.Listener) {
	var open []net.Conn
	for {
		conn, err := l.Accept()
		if err != nil {
			break
		}
		open = append(open, conn)
	}
	for _, conn := range open {
		conn.Close()
	}
}

// TestCloseWaitsWhileMessagesBecomeFewer has a host's promises take long, one after the other, when its client is closed: all that return are counted, and one
// that never does is waited for no longer than settleTime.
func TestCloseWaitsWhileMessagesBecomeFewer(t *testing.T) {
	t.Parallel()
	const messages, each = 5, settleTime * 9 / 10
	synctest.Test(t, func(t *testing.T) {
		config := Config{MaxTopics: 1}
		r := &Reporter{registry: meter.NewRegistry(config.settings())}
		c := measure(r)
		c.BeginKept(messages + 1)
		c.Stopped()
		go func() {
			for range messages {
				<-time.NewTimer(each).C
				c.EndKept(1)
			}
		}()
		began := time.Now()
		r.settle(t.Context())
		if left := r.unsettled(); left != 1 {
			t.Errorf("Close waits no longer for %d messages: want one, which nobody answers", left)
		}
		if took, least := time.Since(began), messages*each+settleTime; took < least-settleTick || took > least+2*settleTick {
			t.Errorf("Close waits for %s, want %s", took, least)
		}
	})
}

// TestCloseTwice holds that a second Close does nothing, also while the first is at work.
func TestCloseTwice(t *testing.T) {
	r := open(t, startCluster(t), Config{})
	c := measure(r)
	c.Stopped()
	var closing sync.WaitGroup
	for range 4 {
		closing.Go(func() {
			if err := r.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	closing.Wait()
	send(c, "orders")
	mustClose(t, r)
	reported.Want(t, "dropped reports", r.Stats().Dropped, 0)
}
