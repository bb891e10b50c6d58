package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// plainLog is a log without times, and what it holds.
func plainLog() (*slog.Logger, *strings.Builder) {
	var text strings.Builder
	return slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})), &text
}

func wantLog(t *testing.T, got *strings.Builder, want string) {
	t.Helper()
	if got.String() != want {
		t.Errorf("the log is\n%s\nwant\n%s", got, want)
	}
}

// TestAnOutageOfKafkaIsLoggedOnce plays a minute away, with a client that tries every
// second, then a broker that comes and goes.
func TestAnOutageOfKafkaIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, text := plainLog()
		h := newKafkaHealth(newPipelineMetrics(), log)
		connect := func(seconds int, err error) {
			for range seconds {
				h.OnBrokerConnect(kgo.BrokerMetadata{NodeID: 1, Host: "b1", Port: 9092}, 0, nil, err)
				<-time.NewTimer(time.Second).C
			}
		}
		connect(3, nil)
		wantLog(t, text, "")
		connect(70, errRefused)
		lost := "level=WARN msg=\"a broker of Kafka cannot be reached, will try again\" error=\"connect to b1:9092: connection refused\"\n"
		wantLog(t, text, lost)
		connect(3, nil)
		wantLog(t, text, lost+"level=INFO msg=\"Kafka can be reached again\" after=1m10s\n")
		text.Reset()
		for range 20 { // 40 s
			connect(1, errRefused)
			connect(1, nil)
		}
		connect(70, errRefused)
		wantLog(t, text, lost+"level=INFO msg=\"Kafka can be reached again\" after=1s\n"+lost)
	})
}

// TestAFaultOfAStageIsLoggedOnce, however often the stage ends by it, and its end.
func TestAFaultOfAStageIsLoggedOnce(t *testing.T) {
	config := DefaultConfig()
	config.Rules.Dir = "../rules.d"
	log, text := plainLog()
	p, err := New(config, log)
	if err != nil {
		t.Fatal(err)
	}
	away, full := errors.New("store away"), errors.New("disk full")
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		lives := []struct {
			length time.Duration
			err    error
		}{{0, away}, {0, away}, {time.Second, away}, {0, full}, {time.Minute, full}, {0, full}, {time.Hour, nil}}
		p.supervise(ctx, RoleClickHouse, func(ctx context.Context, _ *Pipeline) error {
			life := lives[0]
			lives = lives[1:]
			if len(lives) == 0 {
				time.AfterFunc(life.length, stop)
				<-ctx.Done()
				return nil
			}
			<-time.NewTimer(life.length).C
			return life.err
		})
	})
	failed := func(what string) string {
		return "level=WARN msg=\"stage failed, will start again\" stage=clickhouse error=\"" + what + "\"\n"
	}
	const again = "level=INFO msg=\"stage runs again\" stage=clickhouse\n"
	wantLog(t, text, failed("store away")+failed("disk full")+again+failed("disk full")+again+"level=INFO msg=\"stage stopped\" stage=clickhouse\n")
	if got := p.metrics.stage(RoleClickHouse).restarts.Get(); got != 6 {
		t.Errorf("counted %d restarts, want all 6", got)
	}
}

// TestAFaultOfOtherNumbersIsLoggedOnce where numbers say nothing new, as how many parts ClickHouse has at each attempt.
func TestAFaultOfOtherNumbersIsLoggedOnce(t *testing.T) {
	for _, c := range []struct {
		anyNumber bool
		want      string
	}{
		{true, "level=WARN msg=begun error=\"has 300 parts\"\nlevel=INFO msg=over\n"},
		{false, "level=WARN msg=begun error=\"has 300 parts\"\nlevel=WARN msg=begun error=\"has 3001 parts\"\nlevel=INFO msg=over\n"},
	} {
		log, text := plainLog()
		said := outage{log: log, begun: "begun", over: "over", anyNumber: c.anyNumber}
		for _, err := range []error{errors.New("has 300 parts"), errors.New("has 3001 parts"), nil, nil} {
			said.note(err)
		}
		wantLog(t, text, c.want)
	}
}

// TestFaultsThatTakeTurnsAreLoggedOnceEach, as where one of two servers refuses connections and the other says nothing.
func TestFaultsThatTakeTurnsAreLoggedOnceEach(t *testing.T) {
	log, text := plainLog()
	said := outage{log: log, begun: "begun", over: "over", anyNumber: true}
	begun := func(fault string) string { return "level=WARN msg=begun error=" + fault + "\n" }
	for range 100 {
		said.note(errors.New("refused"))
		said.note(errors.New("silent"))
	}
	said.note(nil)
	said.note(errors.New("refused"))
	wantLog(t, text, begun("refused")+begun("silent")+"level=INFO msg=over\n"+begun("refused"))
	text.Reset()
	for i := range 2 * maxFaultsSaid { // no two alike: what was said long ago is said again
		said.note(errors.New(strings.Repeat("x", i+1)))
	}
	said.note(errors.New("refused"))
	if lines := strings.Count(text.String(), "\n"); lines != 2*maxFaultsSaid+1 || len(said.said) != maxFaultsSaid {
		t.Errorf("%d faults are %d lines, and %d are remembered, want %d", 2*maxFaultsSaid+1, lines, len(said.said), maxFaultsSaid)
	}
}
