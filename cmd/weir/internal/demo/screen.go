package demo

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/weirmq/weir/cmd/weir/internal/tty"
	"github.com/weirmq/weir/telemetry"
)

// Pauses between two looks at what runs. Not smaller: eyes do not follow; not
// larger: alerts seem late.
const (
	tableInterval = 500 * time.Millisecond
	lineInterval  = 2 * time.Second
)

// screen shows the story: one refreshed table on a terminal, plain lines elsewhere.
type screen struct {
	out      io.Writer
	terminal bool

	mu    sync.Mutex // guards the fields below: the story and the refresher write
	title string
	table tty.Frame

	stop context.CancelFunc
	done sync.WaitGroup
}

func newScreen(out io.Writer) *screen {
	s := &screen{out: out, stop: func() {}}
	_, s.terminal = tty.SizeOf(out)
	return s
}

// line prints one line with the time.
func (s *screen) line(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, "%s  %s\n", time.Now().Format("15:04:05"), text)
}

// scene says what happens now.
func (s *screen) scene(title string) {
	s.mu.Lock()
	s.title = title
	s.mu.Unlock()
	if !s.terminal {
		s.line("scene: " + title)
	}
}

// follow shows h and c until close.
func (s *screen) follow(h *house, c *cast) {
	s.where(h)
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	interval := lineInterval
	if s.terminal {
		interval = tableInterval
	}
	s.done.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		view := &viewer{house: h, cast: c, at: time.Now()}
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			s.refresh(view)
		}
	})
}

func (s *screen) close() {
	s.stop()
	s.done.Wait()
}

// where says once where to look.
func (s *screen) where(h *house) {
	s.line("status page   " + h.statusURL)
	s.line("health        bin/weir health --url " + h.statusURL)
	s.line("Alertmanager  " + h.alertmanager.URL())
	s.line("SQL           curl '" + h.clickhouseURL + "/' --data-binary \"SELECT topic, op, sum(messages) FROM rollup_10s FINAL GROUP BY ALL ORDER BY ALL FORMAT PrettyCompact\"")
	s.line("configuration " + h.configFile + ", for weir rules backtest, explain, capture and inspect")
	s.line("one message   bin/weir find --config " + shellWord(h.configFile) + " $(curl -s '" + h.clickhouseURL +
		"/' --data-binary \"SELECT message_id FROM traces WHERE step = 'handled' ORDER BY ts DESC LIMIT 1\") # after ten seconds")
	s.line("backtest      bin/weir rules backtest --config " + shellWord(h.configFile) + " --from 10m # after a minute")
}

func (s *screen) refresh(v *viewer) {
	v.measure()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.terminal {
		fmt.Fprintf(s.out, "%s  %s\n", v.at.Format("15:04:05"), v.summary())
		for _, change := range v.changes() {
			fmt.Fprintf(s.out, "%s  %s\n", v.at.Format("15:04:05"), change)
		}
		return
	}
	_ = s.table.Draw(s.out, s.title+"\n\n"+v.table()) // fails where nobody looks any more
}

// viewer looks at the house and the cast.
type viewer struct {
	house *house
	cast  *cast

	at             time.Time
	sent, consumed uint64
	sentPerSecond  float64
	readPerSecond  float64
	states         map[string]telemetry.AlertState
}

func (v *viewer) measure() {
	now := time.Now()
	span := now.Sub(v.at).Seconds()
	sent, consumed := v.cast.sent.messages.Load(), v.cast.consumed.messages.Load()
	v.sentPerSecond, v.readPerSecond = float64(sent-v.sent)/span, float64(consumed-v.consumed)/span
	v.at, v.sent, v.consumed = now, sent, consumed
}

// summary is one line of traffic, lag and alerts.
func (v *viewer) summary() string {
	status := v.house.pipeline.Status()
	var lag int64
	for _, stage := range status.Stages {
		lag += stage.LagRecords
	}
	counts := map[telemetry.AlertState]int{}
	for _, alert := range v.house.pipeline.Alerts() {
		counts[alert.State]++
	}
	return fmt.Sprintf("sent %d (%.0f/s)  consumed %d (%.0f/s)  pipeline lag %d records  alerts: %d pending, %d firing, %d resolved",
		v.sent, v.sentPerSecond, v.consumed, v.readPerSecond, lag,
		counts[telemetry.AlertPending], counts[telemetry.AlertFiring], counts[telemetry.AlertResolved])
}

// changes says which alerts changed their state since the last look.
func (v *viewer) changes() []string {
	states := map[string]telemetry.AlertState{}
	var out []string
	for _, alert := range v.house.pipeline.Alerts() {
		states[alert.ID] = alert.State
		if v.states[alert.ID] != alert.State {
			out = append(out, fmt.Sprintf("alert %s is %s: %s", alert.Rule, alert.State, telemetry.Printable(alert.Annotations["summary"])))
		}
	}
	v.states = states
	return out
}

// plainWord is what a shell takes as it stands.
var plainWord = regexp.MustCompile(`^[\w@%+=:,./-]+$`)

// shellWord writes a text as one word of a shell's command.
func shellWord(text string) string {
	if plainWord.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// clusters shows what the collector knows: round trips to brokers, and how far groups are behind. Groups of Weir itself are left out.
func (v *viewer) clusters(w io.Writer) {
	for _, cluster := range v.house.pipeline.WholeHealth().Clusters {
		fmt.Fprintf(w, "cluster\t%s\t%s\t%s\n", cluster.Name, cluster.State, telemetry.Printable(cluster.Brief()))
		for i := range cluster.Children {
			switch thing := &cluster.Children[i]; {
			case thing.Kind == "node":
				fmt.Fprintf(w, "broker\t%s\t%s\theartbeat %s\n", telemetry.Printable(thing.Name), thing.State, thing.Value("heartbeat"))
			case thing.Kind == "group" && !strings.HasPrefix(thing.Name, "weir-"):
				fmt.Fprintf(w, "group\t%s\t%s\tlag %s\n", telemetry.Printable(thing.Name), thing.State, thing.Value("lag_age"))
			}
		}
	}
}

// table shows what matters most first, as a low window cuts the end: traffic, alerts, what the collector knows, stages.
func (v *viewer) table() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "traffic\tsent %d\t%.0f/s\tconsumed %d\t%.0f/s\n", v.sent, v.sentPerSecond, v.consumed, v.readPerSecond)
	v.alerts(w)
	fmt.Fprintln(w)
	v.clusters(w)
	fmt.Fprintln(w, "\nstage\tstate\trecords\tlag")
	for _, stage := range v.house.pipeline.Status().Stages {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\n", stage.Stage, stage.State, stage.Records, stage.LagRecords, telemetry.Printable(stage.Error))
	}
	_ = w.Flush() // a strings.Builder takes everything
	return text.String()
}

// alerts shows what fires, then what waits, then what is over.
func (v *viewer) alerts(w io.Writer) {
	fmt.Fprintln(w, "\nalert\tstate\tsince\tsummary")
	for _, alert := range v.house.pipeline.Alerts() {
		since := alert.ActiveAt
		switch alert.State {
		case telemetry.AlertFiring:
			since = alert.FiredAt
		case telemetry.AlertResolved:
			since = alert.ResolvedAt
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", alert.Rule, alert.State, since.Local().Format("15:04:05"), telemetry.Printable(alert.Annotations["summary"]))
	}
}
