package weir_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	rmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	rmqproducer "github.com/apache/rocketmq-client-go/v2/producer"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk"
	steer "github.com/weirmq/weir/sdk/agent/rocketmq"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/kafka"
	"github.com/weirmq/weir/sdk/rocketmq"
)

// ramp is a send limit that opens from a third of its rate, and the tolerance that is promised of its curve.
var ramp = struct {
	perSecond, coldFactor, seconds, tolerance float64
}{200, 3, 8, 0.1}

// rampAfter is how many messages the limit lets through by a time in seconds, where somebody always waits: the integral of its curve, whose
// interval at a time t is sqrt(cold² - t (cold² - stable²) / ramp).
func rampAfter(seconds float64) float64 {
	c, t := ramp.coldFactor, min(max(seconds, 0), ramp.seconds)
	opening := 2 * ramp.seconds * ramp.perSecond / (c*c - 1) * (c - math.Sqrt(c*c-t*(c*c-1)/ramp.seconds))
	return opening + max(seconds-ramp.seconds, 0)*ramp.perSecond
}

// rampSender sends one message: it returns when the limit has let it through, and calls acknowledged when the broker has it.
type rampSender func(number int, acknowledged func(error)) error

// opensAlongItsCurve sends as fast as a command lets it while that opens, and holds at each half second of real time how many messages the broker has
// acknowledged. There are never more than the curve allows, within the tolerance. There are no fewer, either, as of when the machine let them be
// sent: a mark is put back by what an independent clock of the process stood still around it, and by what acknowledgements took.
func opensAlongItsCurve(t *testing.T, g *ground, open func(*testing.T, *steered) func(topic string) rampSender) {
	t.Parallel()
	const topic = "opening"
	s := g.newSteered(t, topic, true)
	send := open(t, s)(topic)
	first := make(chan error, 1)
	must(t, send(-1, func(err error) { first <- err })) // so that the topic is known
	must(t, <-first)
	s.put("opens", control.Scope{Topic: topic}, func(c *control.Command) {
		c.SendLimit = &control.SendLimit{MessagesPerSecond: ramp.perSecond, ColdFactor: ramp.coldFactor, RampSeconds: ramp.seconds}
	})

	count := int(rampAfter(ramp.seconds + 1))
	let, acknowledged := make([]time.Duration, count), make([]time.Duration, count)
	began := time.Now()
	stood := standstills(t, began)
	var sending sync.WaitGroup
	for i := range count {
		sending.Add(1)
		sending.Go(func() { // all wait from the beginning: who comes later might find that nobody waited
			err := send(i, func(err error) {
				if acknowledged[i] = time.Since(began); err != nil {
					t.Error(err)
				}
				sending.Done()
			})
			if let[i] = time.Since(began); err != nil {
				t.Error(err)
				sending.Done()
			}
		})
	}
	sending.Wait()
	gaps := stood()
	for mark := 1500 * time.Millisecond; mark.Seconds() <= ramp.seconds; mark += 500 * time.Millisecond {
		got, late := 0, time.Duration(0)
		for i := range count {
			if acknowledged[i] <= mark {
				got++
			}
			if let[i] > mark-time.Second && let[i] <= mark {
				late = max(late, acknowledged[i]-let[i])
			}
		}
		for _, gap := range gaps {
			if gap.to > mark-time.Second && gap.from <= mark {
				late = max(late, gap.to-gap.from)
			}
		}
		want, least := rampAfter(mark.Seconds()), rampAfter((mark - 2*late).Seconds())
		t.Logf("after %s: %d messages, the curve has %.0f (%+.1f %%); the machine was late by up to %s", mark, got, want, 100*(float64(got)/want-1), late.Round(time.Millisecond))
		if most := want*(1+ramp.tolerance) + 1; float64(got) > most {
			t.Errorf("after %s: %d messages were sent, at most %.0f may be", mark, got, most)
		}
		if least *= 1 - ramp.tolerance; float64(got) < least {
			t.Errorf("after %s: %d messages were sent, at least %.0f could be", mark, got, least)
		}
	}
}

// standstill is a time in which the process did nothing.
type standstill struct{ from, to time.Duration }

// standstills notes when the process stands still, until the function is called that returns them.
func standstills(t *testing.T, began time.Time) func() []standstill {
	const every = 5 * time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	var out []standstill
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for last := time.Since(began); ctx.Err() == nil; {
			<-tick.C
			now := time.Since(began)
			out = append(out, standstill{last, now})
			last = now
		}
	})
	return func() []standstill {
		stop()
		watching.Wait()
		return slices.Clone(out)
	}
}

// kafkaRamp sends by franz-go.
func kafkaRamp(g *ground) func(*testing.T, *steered) func(string) rampSender {
	return func(t *testing.T, s *steered) func(string) rampSender {
		client := reported.Dial(t, g.seeds, append(s.agent.KafkaOpts(), kgo.ProducerLinger(0), kgo.UnknownTopicRetries(-1), kgo.WithHooks(kafka.NewHooks(s.agent.Telemetry())))...)
		p := s.agent.Producer(client)
		return func(topic string) rampSender {
			return func(number int, acknowledged func(error)) error {
				body := fmt.Append(nil, number)
				p.Produce(t.Context(), &kgo.Record{Topic: topic, Value: body}, func(_ *kgo.Record, err error) {
					s.house.books.send(topic, []*weir.Message{{Body: body}}, err)
					acknowledged(err)
				})
				return nil
			}
		}
	}
}

// rocketmqRamp sends by rocketmq-client-go.
func rocketmqRamp(g *ground) func(*testing.T, *steered) func(string) rampSender {
	return func(t *testing.T, s *steered) func(string) rampSender {
		const name = "opening"
		plain, err := rmq.NewProducer(rmqproducer.WithNsResolver(primitive.NewPassthroughResolver(g.seeds)), rmqproducer.WithGroupName(name),
			rmqproducer.WithInstanceName(name), rmqproducer.WithSendMsgTimeout(reported.Patience))
		must(t, err)
		p, err := steer.WrapProducer(s.agent, rocketmq.WrapProducer(s.agent.Telemetry(), plain, rocketmq.Instance(name)))
		must(t, err)
		must(t, p.Start())
		t.Cleanup(func() { _ = p.Shutdown() })
		return func(topic string) rampSender {
			return func(number int, acknowledged func(error)) error {
				body := fmt.Append(nil, "message ", number)
				return p.SendAsync(t.Context(), func(_ context.Context, _ *primitive.SendResult, err error) {
					s.house.books.send(topic, []*weir.Message{{Body: body}}, err)
					acknowledged(err)
				}, primitive.NewMessage(topic, body))
			}
		}
	}
}
