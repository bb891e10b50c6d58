package agent

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/internal/applied"
	"github.com/weirmq/weir/sdk/internal/meter"
)

// ErrClosed is what Bind returns of an agent that is closed.
var ErrClosed = errors.New("the agent is closed")

// measuredHooks are hooks that measure the client already, as kafka.NewHooks makes them.
type measuredHooks interface{ Measured() *meter.Client }

// binding is one franz-go client to which commands apply.
type binding struct {
	agent  *Agent
	kafka  *kgo.Client
	client *applied.Client
	own    *meter.Client // nil where the client is measured already
	gate   *gate
	topic  string // of records that name none
	always bool   // and of those that name one
	opened bool   // what is polled has been, by the hook of KafkaOpts
	stop   func()
}

// KafkaOpts are options of one franz-go client for what cannot be added later: values that were compressed on their
// way are opened where they are fetched. Bind the client when it is made.
func (a *Agent) KafkaOpts() []kgo.Opt { return []kgo.Opt{kgo.WithHooks(a.newOpenHook(maxOpenBytes))} }

// BindOption says something of a client that nothing measures.
type BindOption func(*meter.Identity)

// Cluster names the cluster that a client uses which kafka.Hooks do not measure, where it is another one than the reporter's.
func Cluster(name string) BindOption { return func(of *meter.Identity) { of.Cluster = name } }

// Bind has commands apply to a franz-go client until it is closed, or the agent is. Labels are those of its kafka.Hooks
// where it has any, so make those first; otherwise those of the reporter, and of the options. What is known by then applies when it returns: Bind
// before the first poll. A second Bind of a client does nothing. The error is ErrClosed, or says that the client is nil.
func (a *Agent) Bind(client *kgo.Client, options ...BindOption) error {
	_, err := a.bind(client, options...)
	return err
}

func (a *Agent) bind(client *kgo.Client, options ...BindOption) (*binding, error) {
	if client == nil {
		return nil, errors.New("the client is nil: bind it when it is made")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if b := a.bound[client]; b != nil {
		return b, nil
	}
	if a.closed || a.ctx.Err() != nil {
		return nil, ErrClosed
	}
	b := &binding{agent: a, kafka: client}
	b.topic, _ = client.OptValue(kgo.DefaultProduceTopic).(string)
	b.always, _ = client.OptValue(kgo.DefaultProduceTopicAlways).(bool)
	_, b.opened = hookOf[*openHook](client)
	measured := measuredOf(client)
	if measured == nil {
		measured = a.measure(client, options)
		b.own = measured
	}
	b.client = a.commands.NewClient(measured, client.GetConsumeTopics)
	b.gate = newGate(client, b.client)
	ctx, cancelRun := context.WithCancel(client.Context())
	forget := context.AfterFunc(a.ctx, cancelRun)
	b.stop = func() { cancelRun(); forget() } // or the agent would hold each client that is closed
	a.bound[client] = b
	a.commands.Add(b.client)
	a.refresh(time.Now())
	over, cancel := context.WithCancel(ctx)
	cancel()
	b.hold(over) // what is known is held before anything is polled; what must be asked of a broker is not waited for
	a.done.Go(func() { b.run(ctx) })
	return b, nil
}

// measuredOf is the client as its hooks measure it; nil where none do.
func measuredOf(client *kgo.Client) *meter.Client {
	if of, is := hookOf[measuredHooks](client); is {
		return of.Measured()
	}
	return nil
}

// hookOf is the first of a client's hooks that is of a type.
func hookOf[T any](client *kgo.Client) (hook T, is bool) {
	hooks := reflect.ValueOf(client.OptValue(kgo.WithHooks)) // a slice whose type has no name outside of kgo
	if hooks.Kind() != reflect.Slice {
		return hook, false
	}
	for i := range hooks.Len() {
		if hook, is = hooks.Index(i).Interface().(T); is {
			return hook, true
		}
	}
	return hook, false
}

// measure has a client that is not measured tell of commands.
func (a *Agent) measure(client *kgo.Client, options []BindOption) *meter.Client {
	registry := a.config.Telemetry.Registry()
	identity := meter.Identity{System: "kafka", Library: meter.Library("franz-go", "github.com/twmb/franz-go")}
	for _, option := range options {
		option(&identity)
	}
	measured := registry.NewClient(identity, nil)
	id, _ := client.OptValue(kgo.ClientID).(string)
	group := ""
	for _, option := range []any{kgo.ConsumerGroup, kgo.ShareGroup} {
		if of, ok := client.OptValue(option).(string); ok && of != "" {
			group = of
		}
	}
	measured.Started(id, group)
	return measured
}

// run holds back what commands hold of what the client consumes, until the client or the agent is closed.
func (b *binding) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		changed := b.client.Changed()
		timer.Reset(b.hold(ctx))
		select {
		case <-ctx.Done():
			b.unbind()
			return
		case <-timer.C:
		case <-changed:
		}
	}
}

func (b *binding) hold(ctx context.Context) (again time.Duration) {
	defer b.client.Measured().Recover()
	again = lookEvery // also after a panic
	return b.gate.apply(ctx, time.Now())
}

// unbind lets the client go.
func (b *binding) unbind() {
	b.stop()
	b.agent.mu.Lock()
	delete(b.agent.bound, b.kafka)
	b.agent.mu.Unlock()
	b.agent.commands.Remove(b.client)
	b.gate.open()
	if b.own != nil {
		b.own.Stopped()
	}
}

// of is the binding of a client; one that is not bound yet is.
func (a *Agent) of(client *kgo.Client) *binding {
	b, err := a.bind(client)
	if err != nil {
		return nil // commands apply no longer
	}
	return b
}
