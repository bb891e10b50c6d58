package rocketmq

import (
	"sync"

	"github.com/weirmq/weir/remoting"
	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/report"
)

const (
	libraryName   = "rocketmq-client-go"
	libraryModule = "github.com/apache/rocketmq-client-go/v2"
	// defaultInstance is how the library names a client that is given no name.
	defaultInstance = "DEFAULT"
	// defaultMaxReconsumeTimes is how often the library asks for a message again before it
	// is a dead letter, unless consumers handle messages in order: then it never is.
	defaultMaxReconsumeTimes = 16
)

// options are what is said of one client.
type options struct {
	identity          meter.Identity
	instance          string
	namespace         string
	maxReconsumeTimes int32 // below 0: the library's default
}

// Option says something of one client that neither the reporter's configuration nor the
// library's client does. What is too long for a label is cut.
type Option func(*options)

// Cluster names the cluster that this client uses, where it is another one than
// report.Config.Cluster.
func Cluster(name string) Option { return func(o *options) { o.identity.Cluster = name } }

// Group names this client's consumer group in reports, whatever report.Config.Group and the
// client itself say.
func Group(name string) Option { return func(o *options) { o.identity.Group = name } }

// Instance is the name that the client was given with WithInstanceName: clients of one
// process are told apart by it, in the label client.
func Instance(name string) Option { return func(o *options) { o.instance = name } }

// Namespace is what the client was given with WithNamespace. Topics and groups are reported
// with it, as brokers know them.
func Namespace(name string) Option { return func(o *options) { o.namespace = name } }

// MaxReconsumeTimes is what a consumer was given with WithMaxReconsumeTimes: a message that
// fails after so many is a dead letter.
func MaxReconsumeTimes(times int32) Option { return func(o *options) { o.maxReconsumeTimes = times } }

// client is what all measured clients have.
type client struct {
	options
	measured *meter.Client
	injects  bool // a traceparent
	group    string
	starting sync.Once
}

// newClient measures a client, which is in a group where that is not empty.
func newClient(to *report.Reporter, group string, given []Option, look func(nowMillis int64)) *client {
	o := options{identity: meter.Identity{System: "rocketmq", Library: meter.Library(libraryName, libraryModule)},
		instance: defaultInstance, maxReconsumeTimes: -1}
	for _, option := range given {
		option(&o)
	}
	registry := to.Registry()
	c := &client{options: o, injects: registry.Settings().InjectTraceparent}
	if group != "" {
		c.group = c.qualified(group)
	}
	c.measured = registry.NewClient(o.identity, look)
	c.measured.Named(c.instance, c.group)
	return c
}

// Measured is for the packages beside this one: its type is the SDK's own.
func (c *client) Measured() *meter.Client { return c.measured }

// started notes that the client is at work; what it does first may be something else than Start.
func (c *client) started() {
	c.starting.Do(func() { c.measured.Started(c.instance, c.group) })
}

// qualified is a name as brokers know it.
func (c *client) qualified(name string) string { return remoting.InNamespace(c.namespace, name) }
