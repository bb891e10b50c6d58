package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/deploy/kafka"
	"github.com/weirmq/weir/deploy/parts"
)

var (
	chaosFor  = flag.Duration("chaos", 0, "how long TestChaos goes on; each fault comes once at least")
	chaosSeed = flag.Uint64("chaos-seed", uint64(time.Now().UnixNano()), "what decides when faults come and in which order")
)

// chaos is a house with everything twice that may be there twice, and what happened in it.
type chaos struct {
	*house
	random       *rand.Rand
	kafkaConfig  kafka.Config
	kafka        *kafka.Server
	clickhouse   *child.Child
	alertmanager *child.Child
	weirs        [2]instance
	stopped      int // of weirs, the one that stands still
	rounds       []*round
}

// instance is a weir run that is started again with the same configuration.
type instance struct {
	config, addr string
	*process
}

// round is one fault, and what became of all that was going on meanwhile.
type round struct {
	fault    string
	steady   *reporter // its alert fires before, through and after the fault
	fresh    *reporter // its alert has reason to fire from when the fault strikes
	orders   *reporter
	delay    time.Duration // from that until the chat heard
	recovery time.Duration // from the fault until all that was sent is stored
	lost     int64         // messages
	doubled  int64
}

func (r *round) reporters() []*reporter { return []*reporter{r.steady, r.fresh, r.orders} }

// TestChaos lets one fault after the other strike two processes of every role, and what they live on, under load from
// real clients. Whatever happens, nothing is lost or doubled, and every alert fires once and resolves once.
func TestChaos(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	defer c.report()
	began := time.Now()
	client := openClient(t, c.brokers, "business")
	produced := client.flow()
	for n := 0; n < len(faults) || time.Since(began) < *chaosFor; n += len(faults) {
		for _, i := range c.random.Perm(len(faults)) {
			c.play(faults[i])
		}
	}
	messages := produced()
	client.close()
	c.await("SELECT sum(messages) FROM rollup_10s FINAL WHERE topic = 'business' AND op = 'send'", fmt.Sprint(messages))
	c.await(completeStore, "0\t0")
	c.audit(began)
	for _, r := range c.rounds {
		c.compare(r) // nothing came late that is there twice
		c.judgeAlerts(r)
	}
}

// audit wants that weir audit finds all that Kafka has in the store and added up, and then that it names what somebody takes away. All began on that
// day, and midnight may have passed since.
func (c *chaos) audit(began time.Time) {
	c.t.Helper()
	var command []string
	var last ended
	eventually(c.t, func() bool {
		command = []string{"audit", "--config", c.weirs[0].config, "--settles", "15s", "--from", began.UTC().Format(time.DateOnly), "--to", time.Now().UTC().Format(time.DateOnly)}
		last = call(c.t, ".", command...)
		return last.code == 0
	}, func() string { return fmt.Sprintf("weir audit ends with %+v", last) })
	c.t.Logf("weir audit:\n%s", last.stdout)
	minute, err := c.query("SELECT toUnixTimestamp(min(segment_minute)) FROM rollup_10s WHERE topic = 'business'")
	if err == nil {
		_, err = c.query("DELETE FROM rollup_10s WHERE topic = 'business' AND segment_minute = " + minute)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	if last = call(c.t, ".", command...); last.code != exitFaults || !strings.Contains(last.stdout, "rollup_10s of ") {
		c.t.Errorf("with a minute of a topic taken away weir audit ends with %+v, want code %d and what is missing", last, exitFaults)
	}
}

func newChaos(t *testing.T) *chaos {
	jars, err := parts.Kafka()
	if err != nil {
		t.Fatal(err)
	}
	c := &chaos{random: rand.New(rand.NewPCG(*chaosSeed, 0))}
	addr := freeAddr(t)
	c.house = newHouse(t, []string{addr}, largeMessageRule)
	c.kafkaConfig = kafka.Config{JarDir: jars, DataDir: filepath.Join(t.TempDir(), "kafka"), Addr: addr, LogWriter: c.logs}
	c.startKafka()
	t.Cleanup(func() { _ = c.kafka.Stop(context.Background()) })
	c.clickhouse, c.alertmanager = c.startClickHouse(), c.startAlertmanager()
	for i := range c.weirs {
		// Alertmanager ends an alert that it has not heard of for four resend delays.
		c.weirs[i].config, c.weirs[i].addr = c.writeConfig("resend_delay: 5s", "resend_delay: 30s")
		c.launch(i)
	}
	for i := range c.weirs {
		c.weirs[i].awaitReady()
	}
	return c
}

func (c *chaos) startKafka() {
	c.t.Helper()
	running, err := kafka.Start(c.t.Context(), c.kafkaConfig)
	if err != nil {
		c.t.Fatalf("%v\n%s", err, c.logs)
	}
	c.kafka = running
}

func (c *chaos) launch(i int) {
	c.t.Helper()
	c.weirs[i].process = c.launchWith(c.weirs[i].config, c.weirs[i].addr)
}

// stay waits for a time that is part of the fault.
func (c *chaos) stay(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.t.Context().Done():
	}
}

// play lets one fault strike at a random moment of a flow.
func (c *chaos) play(f fault) {
	c.t.Helper()
	n := len(c.rounds)
	r := &round{fault: f.name, steady: newReporter(c.t, c.brokers, fmt.Sprint("steady-", n)),
		fresh: newReporter(c.t, c.brokers, fmt.Sprint("fresh-", n)), orders: newReporter(c.t, c.brokers, fmt.Sprint("orders-", n))}
	c.rounds = append(c.rounds, r)
	stopSteady, stopOrders := r.steady.flow(largeBytes), r.orders.flow(smallBytes)
	defer stopSteady()
	defer stopOrders()
	c.awaitFiring("LargeMessage", r.steady.topic)
	moment := r.orders.sent().reports + uint64(c.random.IntN(500))
	eventually(c.t, func() bool { return r.orders.sent().reports >= moment }, func() string { return "nothing is sent any more" })
	c.t.Logf("%s after %d reports", f.name, moment)
	stopFresh := r.fresh.flow(largeBytes)
	defer stopFresh()
	struck := time.Now()
	f.strike(c)
	c.awaitFiring("LargeMessage", r.fresh.topic)
	r.delay = c.heard("LargeMessage", r.fresh.topic).Sub(struck)
	stopOrders()
	stopFresh()
	c.awaitResolved("LargeMessage", r.fresh.topic)
	if _, resolved := c.notified("LargeMessage", r.steady.topic); resolved > r.steady.silent() {
		c.t.Errorf("%s: LargeMessage of %s resolved while large messages came", f.name, r.steady.topic)
	}
	stopSteady()
	c.awaitResolved("LargeMessage", r.steady.topic)
	if f.end != nil {
		f.end(c)
	}
	deadline := time.Now().Add(patience)
	for c.compare(r); (r.lost > 0 || r.doubled > 0) && time.Now().Before(deadline); c.compare(r) {
		c.stay(recoveryPause)
	}
	r.recovery = time.Since(struck)
}

// recoveryPause is how often the store is asked whether all is there.
const recoveryPause = 200 * time.Millisecond

// heard is when the chat first heard that an alert fires.
func (c *chaos) heard(alertname, topic string) time.Time {
	for _, n := range c.chat.Notifications() {
		if n.Labels["alertname"] == alertname && n.Labels["topic"] == topic && n.Status == "firing" {
			return n.ReceivedAt
		}
	}
	return time.Time{}
}

// compare asks the store what it has of a round.
func (c *chaos) compare(r *round) {
	r.lost, r.doubled = 0, 0
	for _, reporter := range r.reporters() {
		var stored int64
		answer, err := c.query("SELECT sum(messages) FROM rollup_10s FINAL WHERE topic = '" + reporter.topic + "'")
		if err == nil {
			_, err = fmt.Sscan(answer, &stored)
		}
		if err != nil {
			r.lost = int64(reporter.sent().messages) // unknown: nothing is known to be there
			return
		}
		missing := int64(reporter.sent().messages) - stored
		r.lost += max(missing, 0)
		r.doubled += max(-missing, 0)
	}
}

// judgeAlerts holds that each alert fired once and resolved once, by its history and by what the chat heard. Where the
// brokers let nobody report for a window, it may resolve in it and fire anew. An
// Alertmanager that was killed does not remember whom it told, and tells of what still fires once more.
func (c *chaos) judgeAlerts(r *round) {
	for _, reporter := range []*reporter{r.steady, r.fresh} {
		history := "SELECT arrayStringConcat(groupArray(state), ' ') FROM (SELECT state FROM alerts FINAL WHERE rule = 'LargeMessage' AND labels['topic'] = '" +
			reporter.topic + "' ORDER BY seq)"
		got, err := c.query(history)
		lives := strings.Count(got, "firing resolved")
		if err != nil || got != strings.TrimSpace(strings.Repeat("firing resolved ", lives)) || lives < 1 || lives > 1+reporter.silent() {
			c.t.Errorf("%s: the history of LargeMessage of %s is %q, %v; want it to fire once and to resolve once, and once more at most for each of %d silences",
				r.fault, reporter.topic, got, err, reporter.silent())
		}
		firing, resolved := c.notified("LargeMessage", reporter.topic)
		again := strings.HasPrefix(r.fault, "alertmanager") && firing == lives+1
		silent := min(reporter.silent(), lives-1) // what ended and began anew before anybody was told need not be told
		if (firing < lives-silent || firing > lives) && !again || resolved < lives-silent || resolved > lives {
			c.t.Errorf("%s: the chat heard %d times that LargeMessage of %s fires and %d times that it resolved; its history has %d", r.fault, firing, reporter.topic, resolved, lives)
		}
	}
	if r.lost != 0 || r.doubled != 0 {
		c.t.Errorf("%s: %d messages are lost and %d are there twice", r.fault, r.lost, r.doubled)
	}
}

// report prints a line for each fault.
func (c *chaos) report() {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "fault\tmessages\tlost\tdoubled\talert after\tall stored after")
	var longest time.Duration
	for _, r := range c.rounds {
		var sent uint64
		for _, reporter := range r.reporters() {
			sent += reporter.sent().messages
		}
		longest = max(longest, r.delay)
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%s\t%s\n", r.fault, sent, r.lost, r.doubled, r.delay.Round(100*time.Millisecond), r.recovery.Round(100*time.Millisecond))
	}
	_ = table.Flush() // a strings.Builder does not fail
	fmt.Printf("%s\nthe longest alert delay was %s; seed %d\n", text.String(), longest.Round(100*time.Millisecond), *chaosSeed)
}
