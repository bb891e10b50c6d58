package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/collect/kafka"
	"github.com/weirmq/weir/collect/rocketmq"
	"github.com/weirmq/weir/remoting"
	"github.com/weirmq/weir/telemetry"
)

// Bounds of what collectors keep for weir.telemetry. Not smaller: a poll of a large cluster has a hundred thousand reports at
// once; not larger: after an outage old ones are of no use, and each takes some hundred bytes.
const (
	maxCollectedReports = 200_000
	collectedFor        = 30 * time.Second
)

// countedPoller is a poller that counts its requests.
type countedPoller interface {
	collect.Poller
	collect.Prober
	ProbeAll(ctx context.Context) error
	Requests() uint64
	// Without is what polls are not permitted to read and do without; nil where there is nothing.
	Without() error
	Close()
}

// openPoller opens the poller of a cluster; inventory says how many nodes it is to have, and may be nil.
func (c *Config) openPoller(cluster *ClusterConfig, inventory func() (nodes float64, known bool)) (countedPoller, error) {
	name := c.Collect.Name
	if name == "" {
		var err error
		if name, err = os.Hostname(); err != nil {
			return nil, fmt.Errorf("find the host's name for the collector: %w; give one in collect.name", err)
		}
	}
	identity := collect.Identity{Cluster: cluster.Name, Env: cluster.Env, Collector: name, Inventory: inventory}
	for _, t := range cluster.Tiers {
		identity.Tiers = append(identity.Tiers, collect.Tier{Name: t.Tier, Topics: t.Topics, Groups: t.Groups})
	}
	section := fmt.Sprintf("collect.clusters (%s)", cluster.Name)
	if cluster.System == systemRocketMQ {
		reach, err := remotingConfig(section, cluster.TLS, cluster.ACL)
		if err != nil {
			return nil, err
		}
		return rocketmq.Open(rocketmq.Config{Identity: identity, NameServers: cluster.NameServers, Remoting: reach, StateSpacing: cluster.StateSpacing,
			OffsetsOnly: cluster.OffsetsOnly, Canary: cluster.Canary.canaries()}), nil
	}
	options, err := reachOptions(section, cluster.Brokers, cluster.TLS, cluster.SASL)
	if err != nil {
		return nil, err
	}
	return kafka.Open(kafka.Config{Identity: identity, Options: options, StateSpacing: cluster.StateSpacing,
		OffsetsOnly: cluster.OffsetsOnly, Canary: cluster.Canary.canaries()})
}

// remotingConfig says how a RocketMQ cluster is asked, and how Weir shows who it is; key is the section that says it.
func remotingConfig(key string, encryption TLSConfig, login ACLConfig) (remoting.Config, error) {
	config := remoting.Config{AccessKey: login.AccessKey}
	var err error
	if encryption.Enabled {
		if config.TLS, err = encryption.load(); err != nil {
			return remoting.Config{}, fmt.Errorf("%s.tls: %w", key, err)
		}
	}
	if config.SecretKey, err = secretOf(login.SecretKey, "secret_key_file", login.SecretKeyFile); err != nil {
		return remoting.Config{}, fmt.Errorf("%s.acl: %w", key, err)
	}
	return config, nil
}

// Polled is what one poll found out.
type Polled struct {
	Reports []telemetry.Report
	Without error // what it was not permitted to read and does without; nil where there is nothing
}

// Poll polls a cluster of the configuration once; its name may be left out where there is one. The error says what was not found out.
func Poll(ctx context.Context, config *Config, name string) (Polled, error) {
	cluster, err := config.cluster(name)
	if err != nil {
		return Polled{}, err
	}
	poller, err := config.openPoller(cluster, nil)
	if err != nil {
		return Polled{}, err
	}
	defer poller.Close()
	reports, err := pollOnce(ctx, cluster, poller)
	return Polled{reports, poller.Without()}, config.clusterAway(cluster, err)
}

// pollOnce polls a cluster for somebody who waits, and sends canaries before where they are wanted.
func pollOnce(ctx context.Context, cluster *ClusterConfig, poller countedPoller) ([]telemetry.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, onceTimeout)
	defer cancel()
	if cluster.Canary.Enabled {
		if err := poller.ProbeAll(ctx); err != nil {
			return nil, err
		}
	}
	return poller.Poll(ctx, time.Now())
}

// ClusterPoller polls one cluster again and again. One goroutine at a time may call Poll.
type ClusterPoller interface {
	collect.Poller
	Requests() uint64 // how many were sent
	Close()
}

// OpenPoller opens the poller of a cluster of the configuration, as the collector does for itself; the name may be left out where there is
// one. It does not connect.
func OpenPoller(config *Config, name string) (ClusterPoller, error) {
	cluster, err := config.cluster(name)
	if err != nil {
		return nil, err
	}
	return config.openPoller(cluster, nil)
}

// onceTimeout bounds a poll that somebody waits for. Not smaller: the first poll of a large cluster connects to all of its
// brokers; not larger: people wait for it.
const onceTimeout = 20 * time.Second

// collecting polls the clusters of the configuration.
type collecting struct {
	p         *Pipeline
	metrics   *stageMetrics
	publisher *collect.Publisher
	fail      context.CancelCauseFunc // ends the stage, which is started again
	mu        sync.Mutex
	failing   map[string]error // by cluster
}

func runCollector(ctx context.Context, p *Pipeline) error {
	running, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	c := &collecting{p: p, metrics: p.metrics.stage(RoleCollect), fail: fail, failing: map[string]error{}}
	options, err := clientOptions(p.config.Kafka, p.kafka)
	if err != nil {
		return err
	}
	options = append(options, kgo.MaxBufferedRecords(maxCollectedReports), kgo.RecordDeliveryTimeout(collectedFor),
		kgo.ProducerBatchCompression(kgo.ZstdCompression(), kgo.NoCompression()))
	producer, err := kgo.NewClient(options...)
	if err != nil {
		return fmt.Errorf("open a client for reports: %w", err)
	}
	defer closeCollected(ctx, producer)
	c.publisher = collect.NewPublisher(producer, c.metrics.records.Inc, func(error) { c.metrics.failed("publish") })
	clusters := p.config.Collect.Clusters
	if len(clusters) == 0 && len(p.config.Roles) == 1 {
		p.log.Warn("there is nothing to do: name a cluster in collect.clusters", "stage", RoleCollect)
	}
	for i := range clusters {
		lease, err := c.take(ctx, &clusters[i])
		if err != nil {
			return err
		}
		defer lease.give()
	}
	<-running.Done()
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(running)
}

// take has a cluster polled while this process has its lease.
func (c *collecting) take(ctx context.Context, cluster *ClusterConfig) (*lease, error) {
	check, err := c.p.config.openPoller(cluster, nil) // says now what is wrong with its configuration
	if err != nil {
		return nil, err
	}
	check.Close()
	waiting := outage{log: c.p.log.With("stage", RoleCollect, "cluster", cluster.Name), begun: "the group of collectors does not let this one in, will try again",
		over: "the group of collectors lets this one in"}
	var one sync.Mutex // the client tells of failures from another goroutine than of success
	return takeLease(ctx, c.p, groupCollect+cluster.Name, func(ctx context.Context, l *lease) { c.poll(ctx, cluster, l) }, func(err error) {
		one.Lock()
		defer one.Unlock()
		waiting.note(err)
		if err != nil {
			c.metrics.failed("lease")
		}
		c.show(cluster.Name, err)
	})
}

// closeCollected gives the last reports a bounded time.
func closeCollected(ctx context.Context, producer *kgo.Client) {
	ctx, cancel := outlive(ctx, notifierDrain)
	defer cancel()
	_ = producer.Flush(ctx) // what is lost was counted
	producer.Close()
}

// poll polls one cluster until ctx ends. What earlier turns have seen is gone by then: others have polled in between.
func (c *collecting) poll(ctx context.Context, cluster *ClusterConfig, turn *lease) {
	log := c.p.log.With("stage", RoleCollect, "cluster", cluster.Name)
	poller, err := c.p.config.openPoller(cluster, func() (nodes float64, known bool) {
		set, _ := c.p.rules.current()
		if of := healthLimits(set.Policy, cluster.Name).Nodes; of != nil {
			return *of, true
		}
		return 0, false
	})
	if err != nil { // a file that its configuration names is gone
		log.Error("cannot poll the cluster", "error", err)
		c.fail(fmt.Errorf("poll cluster %s: %w", cluster.Name, err))
		return
	}
	defer poller.Close()
	c.metrics.partitions.Add(1)
	log.Info("this process polls the cluster")
	defer func() {
		c.metrics.partitions.Add(-1)
		c.show(cluster.Name, nil)
		log.Info("this process does not poll the cluster any more")
	}()
	said := outage{log: log, begun: "a poll did not find all out", over: "polls find all out again"}
	without := mention{log: log}
	counted := newPollMetrics(c.p.metrics.set, cluster.Name)
	requests := uint64(0)
	followed := c.p.polled.begin(cluster.Name, c.p.config.interval(cluster))
	defer followed.end()
	publish := func(reports []telemetry.Report) {
		if err := turn.publish(ctx, reports, c.publisher.Publish); err != nil {
			counted.withheld.Inc()
			log.Warn("reports are not published", "error", err)
		}
	}
	loop := collect.Loop{Poller: poller, Interval: c.p.config.interval(cluster), Publish: func(reports []telemetry.Report) {
		followed.reports = reports
		publish(reports)
	}, Done: func(o collect.Outcome) {
		followed.done(o)
		sent := poller.Requests()
		counted.done(o, sent-requests)
		requests = sent
		said.note(o.Err)
		without.note(poller.Without())
		c.show(cluster.Name, o.Err)
	}}
	if cluster.Canary.Enabled {
		loop.Canaries = &collect.Canaries{Prober: poller, Interval: cluster.Canary.interval(), Publish: func(reports []telemetry.Report) {
			followed.probed(reports)
			publish(reports)
		}}
	}
	loop.Run(ctx)
}

// mention says once what polls do without, which is no fault.
type mention struct {
	log  *slog.Logger
	said string
}

func (m *mention) note(without error) {
	text := ""
	if without != nil {
		text = without.Error()
	}
	if text != "" && text != m.said {
		m.log.Info("polls do without", "reason", text)
	}
	m.said = text
}

// show puts what is not found out on the status page.
func (c *collecting) show(cluster string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failing[cluster] = err
	for i := range c.p.config.Collect.Clusters {
		if err := c.failing[c.p.config.Collect.Clusters[i].Name]; err != nil {
			c.p.status.setError(RoleCollect, err)
			return
		}
	}
	c.p.status.setError(RoleCollect, nil)
}

// pollMetrics count the polls of one cluster.
type pollMetrics struct {
	polls, incomplete, withheld, requests *metrics.Counter
	seconds                               *metrics.Histogram
	requestsPerPoll                       *metrics.Histogram
}

func newPollMetrics(set *metrics.Set, cluster string) pollMetrics {
	label := fmt.Sprintf(`{cluster=%q}`, cluster)
	return pollMetrics{
		polls:           set.GetOrCreateCounter("weir_collect_polls_total" + label),
		withheld:        set.GetOrCreateCounter("weir_collect_withheld_polls_total" + label),
		incomplete:      set.GetOrCreateCounter("weir_collect_incomplete_polls_total" + label),
		requests:        set.GetOrCreateCounter("weir_collect_requests_total" + label),
		seconds:         set.GetOrCreateHistogram("weir_collect_poll_duration_seconds" + label),
		requestsPerPoll: set.GetOrCreateHistogram("weir_collect_requests_per_poll" + label),
	}
}

func (m pollMetrics) done(o collect.Outcome, requests uint64) {
	m.polls.Inc()
	if o.Err != nil {
		m.incomplete.Inc()
	}
	m.requests.Add(int(requests))
	m.requestsPerPoll.Update(float64(requests))
	m.seconds.Update(o.Took.Seconds())
}
