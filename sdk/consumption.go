package weir

import (
	"errors"
	"fmt"
	"time"
)

// Defaults of a Consumption.
const (
	// DefaultMaxBatch is of messages given to a handler at once. Not fewer: a store takes rows by
	// hundreds; not more: all are given again where the program dies before the last is handled.
	DefaultMaxBatch = 100
	// DefaultAttempts is how often a handler is given a message. Not fewer: a database that is restarted is
	// away for seconds; not more: on Kafka what comes behind the message waits meanwhile.
	DefaultAttempts = 5
	// DefaultBackoff is before the second attempt, and doubles. Not shorter: what failed fails again at
	// once; not longer: what comes behind waits.
	DefaultBackoff = 200 * time.Millisecond
	// DefaultMaxBackoff bounds the doubling. Not shorter: an outage would be hammered; not longer:
	// nobody waits longer for a database that is back.
	DefaultMaxBackoff = 10 * time.Second
	// DefaultGrace is for handlers that are at work when Run ends. Not shorter: a batch takes seconds;
	// not longer: what stops programs kills them after 30 s.
	DefaultGrace = 20 * time.Second
)

// Exhausted is what becomes of a message that failed as often as it may.
type Exhausted int

const (
	// ToDeadLetter puts it into the group's dead letters: a topic on Kafka, %DLQ%GROUP on RocketMQ.
	ToDeadLetter Exhausted = iota
	// KeepTrying goes on trying it, at the longest backoff. On Kafka what comes behind it in its partition waits.
	KeepTrying
	// Discard counts it as handled. It is lost.
	Discard
)

// Consumption is how a consumer is given messages. Consumers are given it by [ConsumerOption]s.
type Consumption struct {
	MaxBatch    int           // messages given to the handler at once, at most
	Concurrency int           // batches handled at once, at most, up to 10,000; 1: the handler is called by one goroutine at a time
	Attempts    int           // how often the handler is given a message
	Backoff     time.Duration // before the second attempt; doubled before each further one
	MaxBackoff  time.Duration
	Exhausted   Exhausted
	// DeadLetter is the topic of dead letters on Kafka; empty: TOPIC.GROUP.dead-letter.
	DeadLetter string
	Ordered    bool // messages of one key are handled in order, and one that fails holds up those behind it
	FromNewest bool // a group that is new begins with what comes, and not with the oldest message
	Grace      time.Duration
	// Settle and Linger are how it goes along with a resource that moves: see Moves.
	Settle, Linger time.Duration
}

// ConsumerOption says how a consumer is given messages.
type ConsumerOption func(*Consumption)

// MaxBatch bounds the messages given to the handler at once.
func MaxBatch(messages int) ConsumerOption { return func(c *Consumption) { c.MaxBatch = messages } }

// Concurrency bounds the batches that are handled at once, 10,000 at most: handlers of several are called at the same
// time. Those of one key never are.
func Concurrency(batches int) ConsumerOption {
	return func(c *Consumption) { c.Concurrency = batches }
}

// Attempts is how often a handler is given a message, and how long it is left alone before the second
// time, which doubles up to a bound. On RocketMQ the broker knows a few levels of time: the next longer one is taken.
func Attempts(number int, backoff, most time.Duration) ConsumerOption {
	return func(c *Consumption) { c.Attempts, c.Backoff, c.MaxBackoff = number, backoff, most }
}

// DeadLetter names the topic of dead letters, for systems that do not name it themselves.
func DeadLetter(topic string) ConsumerOption { return func(c *Consumption) { c.DeadLetter = topic } }

// When says what becomes of messages that failed as often as they may.
func When(exhausted Exhausted) ConsumerOption {
	return func(c *Consumption) { c.Exhausted = exhausted }
}

// Ordered has messages of one key handled in order. Kafka does so anyway.
func Ordered() ConsumerOption { return func(c *Consumption) { c.Ordered = true } }

// FromNewest has a group that is new begin with what comes.
func FromNewest() ConsumerOption { return func(c *Consumption) { c.FromNewest = true } }

// Grace is how long handlers that are at work when Run ends may take until their context ends.
func Grace(time time.Duration) ConsumerOption { return func(c *Consumption) { c.Grace = time } }

const (
	// mostBatch is the most that RocketMQ's library takes.
	mostBatch = 1024
	// mostConcurrency bounds the batches handled at once. Not fewer: thousands of handlers may wait for other services; not more: each has memory in every poll on Kafka
	// and a goroutine on RocketMQ, and what is fetched at once, mostBatch times as many, must fit into 31 bits.
	mostConcurrency = 10_000
)

// errNilOption says which option is nil.
func errNilOption(index int) error {
	return fmt.Errorf("option %d is nil: leave it out", index+1)
}

// consumptionOf is what options say.
func consumptionOf(options []ConsumerOption) (Consumption, error) {
	c := Consumption{MaxBatch: DefaultMaxBatch, Concurrency: 1, Attempts: DefaultAttempts, Backoff: DefaultBackoff,
		MaxBackoff: DefaultMaxBackoff, Grace: DefaultGrace, Settle: DefaultSettle, Linger: DefaultLinger}
	var errs []error
	for i, option := range options {
		if option == nil {
			errs = append(errs, errNilOption(i))
			continue
		}
		option(&c)
	}
	if c.MaxBatch < 1 || c.MaxBatch > mostBatch {
		errs = append(errs, fmt.Errorf("MaxBatch is %d: 1 to %d are allowed", c.MaxBatch, mostBatch))
	}
	if c.Concurrency < 1 || c.Concurrency > mostConcurrency {
		errs = append(errs, fmt.Errorf("Concurrency is %d: 1 to %d are allowed", c.Concurrency, mostConcurrency))
	}
	if c.Attempts < 1 {
		errs = append(errs, fmt.Errorf("Attempts is %d: at least 1 is allowed", c.Attempts))
	}
	if c.Backoff <= 0 || c.MaxBackoff < c.Backoff {
		errs = append(errs, fmt.Errorf("the backoff is %s to %s: it must be above 0, and the longest no shorter than the first", c.Backoff, c.MaxBackoff))
	}
	if c.Grace < 0 || c.Settle <= 0 || c.Linger < 0 {
		errs = append(errs, fmt.Errorf("Grace is %s, and Moves has %s and %s: none may be below 0, and the first of Moves must be above it", c.Grace, c.Settle, c.Linger))
	}
	return c, errors.Join(errs...)
}

// BackoffAfter is how long a message is left alone after it has failed so often.
func (c *Consumption) BackoffAfter(attempts int) time.Duration {
	wait := c.Backoff
	for range attempts - 1 {
		if wait *= 2; wait >= c.MaxBackoff {
			return c.MaxBackoff
		}
	}
	return wait
}

// IsLast says that a message which fails in its so many-eth attempt is not given again.
func (c *Consumption) IsLast(attempt int) bool {
	return c.Exhausted != KeepTrying && attempt >= c.Attempts
}
