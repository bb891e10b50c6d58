package pipeline

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/weirmq/weir/telemetry"
)

// askAgainAfter is after how long without an answer the ends of sources are asked for once
// more. A client first asks some broker which of them lead, in turns: where that one says
// nothing, the next answers. Not smaller: a busy broker takes a second to answer; not larger:
// within endTimeout the leaders are to answer too.
const askAgainAfter = time.Second

// returnGrace is how long after endTimeout it is waited for what the brokers said that
// answered: the client returns it when the time is over.
const returnGrace = 100 * time.Millisecond

// endLister knows where partitions end; *kadm.Client does.
type endLister interface {
	ListEndOffsets(ctx context.Context, topics ...string) (kadm.ListedOffsets, error)
}

// saidEnds is what the brokers said of ends when they were asked at a time.
type saidEnds struct {
	ends kadm.ListedOffsets
	at   time.Time
}

// askEnds asks, and once more where there is no answer for a while. It does not wait for the
// client, which gives up a broker that takes a connection and says nothing after 10 s only.
func (a *aggregator) askEnds(ctx context.Context, lister endLister) {
	waiting, cancel := context.WithTimeout(ctx, endTimeout+returnGrace)
	defer cancel()
	said := make(chan saidEnds, 2)
	ask := func() {
		ctx, cancel := context.WithTimeout(waiting, endTimeout)
		defer cancel()
		at := time.Now()
		ends, _ := lister.ListEndOffsets(ctx, telemetry.TopicTelemetry) // an error is of some brokers: what the others said counts
		said <- saidEnds{ends, at}
	}
	go ask()
	again := time.NewTimer(askAgainAfter)
	defer again.Stop()
	for open := 1; open > 0; {
		select {
		case <-waiting.Done():
			return
		case <-again.C:
			open++
			go ask()
		case got := <-said:
			if open--; len(got.ends) > 0 {
				a.tellEnds(got.ends, got.at)
				return
			}
		}
	}
}
