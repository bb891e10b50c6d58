package topic

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
)

const (
	// quietFor is for how long the broker may not have answered until a connection that fails is told. Not shorter: of several brokers
	// one that is away hurts nobody; not longer: who looks for the reason looks into the log.
	quietFor = 10 * time.Second
	// againAfter is when a fault that goes on is told again. Not shorter: logs are read by people; not longer: they begin to read late.
	againAfter = 5 * time.Minute
)

// faults tells a log why the topic cannot be read: when that begins, when it becomes another fault, now and then, and when it is over.
type faults struct {
	log *slog.Logger

	mu         sync.Mutex
	last       string // "" while all is well
	connecting bool   // it is one of the connection
	toldAt     time.Time
	answeredAt time.Time
	fault      error // since then, nil for none
}

// state is when a fetch was answered last, and what is wrong since.
func (f *faults) state() (answeredAt time.Time, fault error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.answeredAt, f.fault
}

// note tells of a fault, and returns it. Who has been told to stop is not told why reading ended.
func (f *faults) note(ctx context.Context, err error) error {
	if ctx.Err() == nil && !errors.Is(err, kgo.ErrClientClosed) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.fault = err
		f.tell(err, false)
	}
	return err
}

// tell tells what is new; f.mu is held. One answer of a broker is one fault, whatever was asked.
func (f *faults) tell(err error, connecting bool) {
	what := err.Error()
	var answer *kerr.Error
	if errors.As(err, &answer) {
		what = answer.Message
	}
	if what == f.last && time.Since(f.toldAt) < againAfter {
		return
	}
	f.last, f.connecting, f.toldAt = what, connecting, time.Now()
	f.log.Warn("weir.control cannot be read: what was read last holds", "topic", control.Topic, "error", err)
}

// over tells that the topic is read.
func (f *faults) over() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = nil
	f.tellOver()
}

func (f *faults) tellOver() {
	if f.last != "" {
		f.last = ""
		f.log.Info("weir.control is read again", "topic", control.Topic)
	}
}

// OnBrokerConnect tells of a cluster that is away; kgo calls it.
func (f *faults) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, kgo.ErrClientClosed) || time.Since(f.answeredAt) < quietFor || f.last != "" && !f.connecting {
		return
	}
	f.tell(err, true)
}

// OnBrokerE2E notes that a broker has answered a fetch; kgo calls it.
func (f *faults) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, answer kgo.BrokerE2E) {
	const fetchKey = 1
	if key != fetchKey || answer.Err() != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answeredAt, f.fault = time.Now(), nil // what is wrong with the answer is told behind it
	if f.connecting {
		f.tellOver()
	}
}
