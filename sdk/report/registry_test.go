package report

import (
	"testing"
	"time"

	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/internal/reported"
)

// clientsHeld is how many clients a Reporter reports, and so keeps in memory.
func clientsHeld(r *Reporter) uint64 { return uint64(len(r.Registry().Clients())) }

// TestClosedClientsAreForgotten opens and closes many clients on one Reporter.
func TestClosedClientsAreForgotten(t *testing.T) {
	const clients = 100
	reports := startCluster(t)
	r := open(t, reports, Config{Interval: maxInterval})
	for range clients {
		c := measure(r)
		send(c, "orders")
		c.Stopped()
	}
	now := time.Now().UnixMilli()
	reported.Want(t, "clients held right after", clientsHeld(r), clients)
	r.forgetSpent(now + 2*meter.ForgetAfter.Milliseconds())
	reported.Want(t, "clients held with something to report", clientsHeld(r), clients)
	r.sendAll(due)
	reported.Eventually(t, "all is acknowledged", func() bool { return r.Stats().Waiting == 0 })
	r.forgetSpent(now)
	reported.Want(t, "clients held whose handlers may be at work", clientsHeld(r), clients)
	r.forgetSpent(now + 2*meter.ForgetAfter.Milliseconds())
	reported.Want(t, "clients held at last", clientsHeld(r), 0)
	mustClose(t, r)
	reported.Want(t, "messages", reported.Sum(readReports(t, reports), reported.Series{}).Messages, clients)
}

// TestClosedClientsAreForgottenInAnOutage holds that counts which cannot be reported
// keep their client for as long as one report can say, and then count as dropped.
func TestClosedClientsAreForgottenInAnOutage(t *testing.T) {
	r := openOffline(t, Config{MaxBufferedReports: 1})
	r.waiting.Store(1)
	c := measure(r)
	send(c, "orders")
	c.Stopped()
	now := time.Now().UnixMilli()
	r.sendAll(due)
	r.forgetSpent(now + meter.KeepAtMost.Milliseconds() - 1000)
	reported.Want(t, "clients held in the outage", clientsHeld(r), 1)
	r.forgetSpent(now + meter.KeepAtMost.Milliseconds() + 1000)
	reported.Want(t, "clients held after ten minutes of it", clientsHeld(r), 0)
	reported.Want(t, "dropped", r.Stats().Dropped, 1)
}

// TestReportsUnderWayKeepTheirClient holds that a report that is refused in the end is
// told of by a later one.
func TestReportsUnderWayKeepTheirClient(t *testing.T) {
	r := openOffline(t, Config{})
	c := measure(r)
	send(c, "orders")
	c.Stopped()
	r.sendAll(due)
	r.forgetSpent(time.Now().UnixMilli() + 2*meter.ForgetAfter.Milliseconds())
	reported.Want(t, "clients held while their report is under way", clientsHeld(r), 1)
}
