package weir

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/weirmq/weir/sdk/agent"
	"github.com/weirmq/weir/sdk/report"
)

// Config says who the program is, where its resources are and how it speaks to them.
type Config struct {
	Env, Lane string // which of a resource's routes are the program's; labels of its reports, too
	Directory Directory
	Systems   []System // that its resources may be in
	// Telemetry says where reports go. The client opens a reporter, and closes it.
	Telemetry report.Config
	// Reporter is taken where the program has one already; it is not closed.
	Reporter *report.Reporter
	// Control has commands apply to the clients of all systems: pauses, send limits and what else the program has enabled there. Nil: none do.
	// It is not closed.
	Control *agent.Agent
	// Unmeasured has nothing reported, in place of either.
	Unmeasured bool
	// Log gets what happens to resources: moves, and why one is not made. Nil discards it.
	Log *slog.Logger
}

// Client opens producers and consumers. Its methods may be called from any goroutine.
type Client struct {
	config   Config
	systems  map[string]System
	reporter *report.Reporter
	owns     bool // the reporter
	log      *slog.Logger

	mu     sync.Mutex
	closed bool
	open   map[closer]struct{}
}

// closer is a producer or a consumer.
type closer interface {
	Close(ctx context.Context) error
}

// Open returns a client. It does not wait for any cluster. The error says everything that is wrong with config.
func Open(_ context.Context, config Config) (*Client, error) {
	c := &Client{config: config, systems: map[string]System{}, reporter: config.Reporter, log: config.Log, open: map[closer]struct{}{}}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	var errs []error
	switch config.Directory {
	case nil, (*File)(nil), (*Topic)(nil):
		errs = append(errs, errors.New("Config.Directory is nil: open one with OpenFile or OpenTopic"))
	}
	if len(config.Systems) == 0 {
		errs = append(errs, errors.New("Config.Systems is empty: name kafka.System(), rocketmq.System() or both"))
	}
	for i, s := range config.Systems {
		if s == nil {
			errs = append(errs, fmt.Errorf("system %d of Config.Systems is nil: name kafka.System(), rocketmq.System() or both", i+1))
			continue
		}
		if _, twice := c.systems[s.Name()]; twice {
			errs = append(errs, fmt.Errorf("Config.Systems has %s twice", s.Name()))
		}
		c.systems[s.Name()] = s
	}
	err := errors.Join(append(errs, c.checkTelemetry())...)
	if err == nil {
		err = c.openReporter() // last, since it reports from then on
	}
	if err != nil {
		return nil, fmt.Errorf("open a client: %w", err)
	}
	return c, nil
}

// checkTelemetry says what is wrong with where Config has the client report to.
func (c *Client) checkTelemetry() error {
	asked := len(c.config.Telemetry.TelemetryBrokers) > 0
	switch given := c.config.Reporter != nil; {
	case c.config.Unmeasured && (asked || given):
		return errors.New("Config.Unmeasured is true beside Telemetry or Reporter: leave one out")
	case given && asked:
		return errors.New("Config has both Reporter and Telemetry: leave one out")
	case !c.config.Unmeasured && !given && !asked:
		return errors.New("Config.Telemetry names no TelemetryBrokers: name those of the cluster with weir.telemetry, give a Reporter, or say Unmeasured")
	case !asked:
		return nil
	}
	if err := c.telemetry().Validate(); err != nil {
		return fmt.Errorf("open telemetry: %w", err)
	}
	return nil
}

// telemetry is Config.Telemetry with what the client is told beside it.
func (c *Client) telemetry() report.Config {
	telemetry := c.config.Telemetry
	if telemetry.Env == "" {
		telemetry.Env = c.config.Env
	}
	if telemetry.Lane == "" {
		telemetry.Lane = c.config.Lane
	}
	return telemetry
}

// openReporter opens the reporter that Config asks for.
func (c *Client) openReporter() error {
	if len(c.config.Telemetry.TelemetryBrokers) == 0 {
		return nil
	}
	reporter, err := report.Open(c.telemetry())
	c.reporter, c.owns = reporter, err == nil
	return err
}

// Reporter is what the client's messages are reported by; nil where they are not.
func (c *Client) Reporter() *report.Reporter { return c.reporter }

// query asks for a resource as the program sees it.
func (c *Client) query(id string) Query { return Query{id, c.config.Env, c.config.Lane} }

// system is the one that a route names.
func (c *Client) system(of *Route) (System, error) {
	if s := c.systems[of.System]; s != nil {
		return s, nil
	}
	var known []string
	for _, s := range c.config.Systems {
		known = append(known, s.Name())
	}
	return nil, fmt.Errorf("it is in a system %q: Config.Systems has %s; add it", of.System, strings.Join(known, ", "))
}

// together says why members of one group may not consume two places of a system at a time.
func (c *Client) together(a, b *Route) error {
	system, err := c.system(a)
	if err == nil && a.System == b.System {
		err = system.CheckTogether(*a, *b)
	}
	return err
}

// besides says why a consumer may not read a place beside what it and the others of its group read: that may be more than one place each, while resources
// move. mu is held.
func (c *Client) besides(reader *Consumer, at *Route) error {
	for other := range c.open {
		member, ok := other.(*Consumer)
		if !ok || member.group != reader.group {
			continue
		}
		for _, reads := range member.reads() {
			if err := c.together(at, &reads); err != nil && member == reader {
				return fmt.Errorf("beside topic %s, which is still looked at: %w", reads.Topic, err)
			} else if err != nil {
				return fmt.Errorf("beside the consumer of %q: %w", member.id, err)
			}
		}
	}
	return nil
}

// mayRead is besides of a consumer that is open.
func (c *Client) mayRead(reader *Consumer, at *Route) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.besides(reader, at)
}

// add has Close close what was opened.
func (c *Client) add(opened closer) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return fmt.Errorf("the client: %w", ErrClosed)
	}
	if reader, ok := opened.(*Consumer); ok {
		now := reader.State().Route
		if err := c.besides(reader, &now); err != nil {
			return err
		}
	}
	c.open[opened] = struct{}{}
	return nil
}

func (c *Client) forget(opened closer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, opened)
}

// Close ends all consumers, then all producers, and then the reporter that the client opened. Consumers end as
// by the end of Run's context; producers wait for what is being sent. Where ctx ends before, what is
// left fails, and the error says so. A second Close does nothing.
func (c *Client) Close(ctx context.Context) error {
	c.mu.Lock()
	c.closed = true
	left := c.open
	c.open = map[closer]struct{}{}
	c.mu.Unlock()
	var (
		mu   sync.Mutex
		errs []error
	)
	for _, consumers := range []bool{true, false} { // what handlers send is sent yet
		var closing sync.WaitGroup // all at once: each waits for its own handlers, or answers
		for one := range left {
			if _, is := one.(*Consumer); is == consumers {
				closing.Go(func() {
					err := one.Close(ctx)
					mu.Lock()
					defer mu.Unlock()
					errs = append(errs, err)
				})
			}
		}
		closing.Wait()
	}
	if c.owns {
		errs = append(errs, c.reporter.Close(ctx))
	}
	return errors.Join(errs...)
}
