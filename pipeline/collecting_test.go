package pipeline

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/telemetry"
)

// TestCollected polls the broker that has Weir's own topics, and reads from weir.telemetry what is said of it.
func TestCollected(t *testing.T) {
	t.Parallel()
	config := runConfig(t)
	config.Roles = []string{RoleCollect}
	config.Collect = CollectConfig{Name: "c1", Clusters: []ClusterConfig{{Name: "eu", System: "kafka", Brokers: config.Kafka.Brokers},
		{Name: "away", System: "kafka", Brokers: []string{"127.0.0.1:1"}}}}
	if err := config.Validate(); err != nil {
		t.Fatal(err)
	}
	p := run(t, config)
	reader, err := kgo.NewClient(kgo.SeedBrokers(config.Kafka.Brokers...), kgo.ConsumeTopics(telemetry.TopicTelemetry))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Close)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	decoder := ingest.NewDecoder(ingest.DefaultLimits())
	want := []string{"broker brokers_alive", "probe heartbeat", "broker partition_messages_per_second"}
	for len(want) > 0 {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("%v while waiting for %v", err, want)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			report, err := decoder.Decode(r.Value, r.Timestamp.UnixMilli())
			if err != nil {
				t.Fatal(err)
			}
			if report.Labels.Cluster != "eu" || report.Labels.Op == "probe" != (report.Labels.Client == "c1") {
				t.Fatalf("got a report of %+v", report.Labels)
			}
			for _, g := range report.Gauges {
				want = slices.DeleteFunc(want, func(w string) bool { return w == report.Labels.Op+" "+g.Name })
			}
			if report.HeartbeatMicros.Count() > 0 {
				want = slices.DeleteFunc(want, func(w string) bool { return w == report.Labels.Op+" heartbeat" })
			}
		})
	}
	await(t, "that the status says which cluster is away", func() bool {
		return strings.Contains(stageOf(p, RoleCollect).Error, "poll cluster away: ask for brokers and topics: ")
	})
	if stage := stageOf(p, RoleCollect); stage.State != stateRunning || stage.Restarts != 0 || stage.Records == 0 {
		t.Errorf("the stage is %+v", stage)
	}
	_, metrics := get(p, "/metrics")
	for _, name := range []string{`weir_collect_polls_total{cluster="eu"}`, `weir_collect_requests_total{cluster="eu"}`, `weir_collect_incomplete_polls_total{cluster="away"}`,
		`weir_collect_poll_duration_seconds_count{cluster="eu"}`, `weir_collect_requests_per_poll_count{cluster="eu"}`} {
		if !strings.Contains(metrics, name) {
			t.Errorf("/metrics lacks %s", name)
		}
	}
}

// TestClusterByName says which cluster a name means.
func TestClusterByName(t *testing.T) {
	one, two := DefaultConfig(), DefaultConfig()
	one.Collect.Clusters = []ClusterConfig{{Name: "eu"}}
	two.Collect.Clusters = []ClusterConfig{{Name: "eu"}, {Name: "us"}}
	none := DefaultConfig()
	for _, c := range []struct {
		config     *Config
		name, want string
	}{
		{&one, "", "eu"}, {&one, "eu", "eu"}, {&two, "us", "us"},
		{&none, "", "collect.clusters: got none, name the cluster to poll there"},
		{&two, "", "collect.clusters has 2 clusters: choose one of eu, us"},
		{&two, "asia", `collect.clusters has no cluster "asia": there are eu, us`},
	} {
		found, err := c.config.cluster(c.name)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = found.Name
		}
		if got != c.want {
			t.Errorf("%q: got %q, want %q", c.name, got, c.want)
		}
	}
}
