package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/weirmq/weir/sink/alertmanager"
)

// Version is the version of Weir, set by the build.
var Version = "dev"

// Pipeline is the running stages of one process.
type Pipeline struct {
	config  Config
	log     *slog.Logger
	metrics *pipelineMetrics
	status  *statusBoard
	alerts  *alertBoard
	rules   *ruleSource
	kafka   *kafkaHealth
	polled  *polledClusters
	memory  *memory
	ends    sourceEnds
	started time.Time
	token   string      // that HTTP requests must carry
	topics  atomic.Bool // Weir's topics are there and as they must be
	// notifier is the running one of the role alertmanager, nil without it.
	notifier atomic.Pointer[alertmanager.Notifier]
	// told are the alerts that the running role alertmanager has read, nil without it.
	told atomic.Pointer[alertFeeds]
	// controls is the running role control, nil without it.
	controls atomic.Pointer[controller]
	// reread reads the configuration again, nil where reloads are of rules alone.
	reread     func() (Config, error)
	storeTurns chan struct{} // of questions of HTTP that are put to the store
	// applied is what clients apply of commands, as the store said last.
	applied *appliedBoard
	// inspections is when days are inspected.
	inspections inspectionClock
	// actions is what rules may ask.
	actions atomic.Pointer[ActionsConfig]
	// retention is for how long the store keeps rows.
	retention *retentionTerms
}

// New loads the rules and returns a pipeline that Run starts.
func New(config Config, log *slog.Logger) (*Pipeline, error) {
	rules, err := newRuleSource(config.Rules.Dir)
	if err != nil {
		return nil, err
	}
	counted := newPipelineMetrics()
	p := &Pipeline{config: config, log: log, metrics: counted, status: newStatusBoard(),
		alerts: newAlertBoard(), rules: rules, kafka: newKafkaHealth(counted, log), polled: newPolledClusters(), memory: newMemory(counted), started: time.Now().UTC(), storeTurns: make(chan struct{}, maxStoreTurns), applied: newAppliedBoard()}
	p.inspections.set(config.Inspection)
	p.actions.Store(&config.Control.Actions)
	p.retention = newRetentionTerms(&config.ClickHouse.Retention)
	return p, nil
}

// stageRunner runs one stage until ctx ends (nil) or it fails.
type stageRunner func(ctx context.Context, p *Pipeline) error

var runners = map[string]stageRunner{
	RoleAggregate:    runAggregator,
	RoleRules:        runRuler,
	RoleClickHouse:   runStorage,
	RoleAlertmanager: runNotification,
	RoleCollect:      runCollector,
	RoleControl:      runController,
}

// Run runs every role and the HTTP server until ctx ends, then drains. A stage that
// fails waits and starts again. The error says that the HTTP address cannot be used, or
// that weir.telemetry is folded with other parameters.
func (p *Pipeline) Run(ctx context.Context) error {
	listener, err := p.listen()
	if err != nil {
		return err
	}
	p.log.Info("weir runs", "version", Version, "roles", p.config.Roles, "http", p.config.HTTP.URL())
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var group sync.WaitGroup
	serverDone := p.serve(ctx, listener)
	group.Go(func() { p.watchRules(ctx) })
	stopSampling := every(ctx, rateInterval, func(context.Context) { p.metrics.sampleThroughput(time.Now()) })
	defer stopSampling()
	refused := p.ensureTopics(ctx)
	if refused != nil {
		stop()
	}
	if p.topics.Load() {
		for _, role := range p.config.Roles {
			group.Go(func() { p.supervise(ctx, role, runners[role]) })
		}
	}
	group.Wait()
	return errors.Join(refused, <-serverDone)
}

// RunStage runs the stage of one role once, until ctx ends (nil) or it fails. Run does
// more: topics are made sure of, stages start again, and HTTP is served.
func (p *Pipeline) RunStage(ctx context.Context, role string) error { return runners[role](ctx, p) }

// Records is how many records the stage of a role has processed.
func (p *Pipeline) Records(role string) uint64 { return p.metrics.stage(role).records.Get() }

// Partitions is how many partitions a stage of this process owns at the moment.
func (p *Pipeline) Partitions(role string) int { return int(p.metrics.stage(role).partitions.Load()) }

// ensureTopics tries until Weir's topics are right or ctx ends. The error says that
// they will never be for this process.
func (p *Pipeline) ensureTopics(ctx context.Context) error {
	for _, role := range p.config.Roles {
		p.status.setStage(role, stateStarting, nil)
	}
	var refused *parametersError
	said := outage{log: p.log, begun: "topics are not ready, will try again", over: "topics are ready"}
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		topics, err := EnsureTopics(ctx, &p.config, p.kafka)
		for _, role := range p.config.Roles {
			p.status.setStage(role, stateStarting, err)
		}
		if errors.As(err, &refused) {
			return struct{}{}, backoff.Permanent(err)
		}
		if ctx.Err() == nil {
			said.note(err)
		}
		if err == nil {
			p.logTopics(topics)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(restartPauses()), backoff.WithMaxElapsedTime(0))
	p.topics.Store(err == nil)
	if refused != nil {
		return refused
	}
	return nil
}

func (p *Pipeline) logTopics(topics []TopicState) {
	for _, topic := range topics {
		if topic.Created {
			p.log.Info("topic created", "topic", topic.Name, "partitions", topic.Partitions)
		}
		for _, text := range topic.Warnings {
			p.log.Warn(text)
		}
		for _, text := range topic.Notes {
			p.log.Info(text)
		}
	}
}
