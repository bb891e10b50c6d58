package kafka

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/telemetry"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// measured is a cluster that a test polls.
type measured struct {
	*testing.T
	addrs  []string
	client *kgo.Client
	admin  *kadm.Client
	poller *Poller
	now    time.Time
}

// measure opens a client and a poller of a cluster.
func measure(t *testing.T, addrs []string, options ...kgo.Opt) *measured {
	t.Helper()
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(addrs...), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	poller, err := Open(Config{Identity: collect.Identity{Cluster: "eu", Env: "prod", Collector: "weir-1",
		Tiers: collect.Tiers{{Name: "S1", Topics: []string{"ord*"}}, {Name: "S2", Topics: []string{"*"}, Groups: []string{"bill*"}}}}, Options: []kgo.Opt{kgo.SeedBrokers(addrs...)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(poller.Close)
	return &measured{t, addrs, client, kadm.NewClient(client), poller, time.Unix(1_795_626_000, 0)}
}

// fake starts brokers in this process.
func fake(t *testing.T, brokers int, options ...kfake.Opt) (*kfake.Cluster, *measured) {
	t.Helper()
	running, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(brokers)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.Close)
	return running, measure(t, running.ListenAddrs())
}

func (m *measured) topic(name string, partitions int32) {
	m.Helper()
	if _, err := m.admin.CreateTopic(m.Context(), partitions, 1, nil, name); err != nil {
		m.Fatal(err)
	}
}

// send writes messages to a partition, that are of the time of the poll before.
func (m *measured) send(topic string, partition int32, messages int) {
	m.Helper()
	for range messages {
		if err := m.client.ProduceSync(m.Context(), &kgo.Record{Topic: topic, Partition: partition, Value: []byte("m"), Timestamp: m.now}).FirstErr(); err != nil {
			m.Fatal(err)
		}
	}
}

// commit commits offsets for a group.
func (m *measured) commit(group, topic string, partition int32, offset int64) {
	m.Helper()
	var offsets kadm.Offsets
	offsets.AddOffset(topic, partition, offset, -1)
	if err := m.admin.CommitAllOffsets(m.Context(), group, offsets); err != nil {
		m.Fatal(err)
	}
}

// poll polls so long after the poll before, and returns what is reported, a line for each report.
func (m *measured) poll(after time.Duration) []string {
	m.Helper()
	lines, err := m.pollWith(after)
	if err != nil {
		m.Fatal(err)
	}
	return lines
}

func (m *measured) pollWith(after time.Duration) ([]string, error) {
	m.Helper()
	m.now = m.now.Add(after)
	ctx, cancel := context.WithTimeout(m.Context(), patience)
	defer cancel()
	reports, err := m.poller.Poll(ctx, m.now)
	var lines []string
	for i := range reports {
		if reports[i].StartUnixMillis != m.now.UnixMilli() || reports[i].Labels.Cluster != "eu" || reports[i].Labels.Env != "prod" || reports[i].Labels.System != "kafka" {
			m.Errorf("a report is not of this poll and cluster: %+v", reports[i])
		}
		lines = append(lines, line(&reports[i]))
	}
	return lines, err
}

// line is a report as a test of rules would have it.
func line(r *telemetry.Report) string {
	var out []string
	add := func(name, value string) {
		if value != "" {
			out = append(out, name+"="+value)
		}
	}
	add("op", r.Labels.Op)
	add("node", r.Labels.Node)
	add("client", r.Labels.Client)
	add("group", r.Labels.Group)
	add("topic", r.Labels.Topic)
	add("partition", r.Labels.Partition)
	add("tier", r.Labels.Tier)
	for _, g := range r.Gauges {
		add(g.Name, fmt.Sprintf("%.4g", g.Value))
	}
	if r.HeartbeatMicros.Count() > 0 {
		add("heartbeats", fmt.Sprint(r.HeartbeatMicros.Count()))
	}
	return strings.Join(out, " ")
}

// of keeps the lines that have all of the words.
func of(lines []string, words ...string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return !slices.Contains(strings.Fields(line), word) })
	})
}

// without takes values of those names out.
func without(lines []string, names ...string) []string {
	var out []string
	for _, line := range lines {
		words := slices.DeleteFunc(strings.Fields(line), func(word string) bool {
			name, _, _ := strings.Cut(word, "=")
			return slices.Contains(names, name)
		})
		out = append(out, strings.Join(words, " "))
	}
	return out
}

// deleteBefore deletes the messages of a partition before an offset.
func (m *measured) deleteBefore(topic string, partition int32, offset int64) {
	m.Helper()
	var offsets kadm.Offsets
	offsets.AddOffset(topic, partition, offset, -1)
	if _, err := m.admin.DeleteRecords(m.Context(), offsets); err != nil {
		m.Fatal(err)
	}
}

// expectAge wants the one age that is reported within bounds, in seconds.
func (m *measured) expectAge(lines []string, least, most float64) {
	m.Helper()
	if ages := m.values(lines, telemetry.GaugeLagSeconds); len(ages) != 1 || ages[0] < least || ages[0] > most {
		m.Errorf("got ages %v, want one of %g to %g s", ages, least, most)
	}
}

// values are all of a gauge.
func (m *measured) values(lines []string, name string) []float64 {
	m.Helper()
	var out []float64
	for _, line := range lines {
		for _, word := range strings.Fields(line) {
			if text, is := strings.CutPrefix(word, name+"="); is {
				value, err := strconv.ParseFloat(text, 64)
				if err != nil {
					m.Fatal(err)
				}
				out = append(out, value)
			}
		}
	}
	return out
}

func (m *measured) expect(got []string, want ...string) {
	m.Helper()
	if !slices.Equal(got, want) {
		m.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
