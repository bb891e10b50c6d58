package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/remoting"
)

// probeAll sends a canary to each master.
func probeAll(t *testing.T, p *Poller) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := p.ProbeAll(ctx); err != nil {
		t.Fatal(err)
	}
}

// setPermission sets what all topics of a broker permit: 6 is to read and to write, 2 to write alone.
func setPermission(t *testing.T, p *Poller, addr string, permission int) {
	t.Helper()
	const updateSettings = 25
	_, err := p.client.Do(t.Context(), addr, remoting.Request{Code: updateSettings, Body: fmt.Appendf(nil, "brokerPermission=%d\n", permission)})
	if err != nil {
		t.Fatal(err)
	}
}

// shut makes a topic that may be written only. A broker refuses to read such a one; what it does not permit to write, clients see to.
func shut(t *testing.T, p *Poller, addr, topic string) {
	t.Helper()
	const createTopic = 17
	_, err := p.client.Do(t.Context(), addr, remoting.Request{Code: createTopic, Fields: map[string]string{"topic": topic, "defaultTopic": topic,
		"readQueueNums": "1", "writeQueueNums": "1", "perm": "2", "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false"}})
	if err != nil {
		t.Fatal(err)
	}
}

// topicsAndGroups are the names of those of a broker.
func topicsAndGroups(t *testing.T, p *Poller, addr string) (topics, groups []string) {
	t.Helper()
	configs, err := p.client.Broker(addr).TopicConfigs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	known, err := p.client.Broker(addr).Groups(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name := range configs {
		topics = append(topics, name)
	}
	for name := range known {
		groups = append(groups, name)
	}
	slices.Sort(groups)
	return topics, groups
}

// canariesOfARealBroker sends canaries to a topic of their own, to the broker's where that takes none, and none where it takes none.
func canariesOfARealBroker(t *testing.T, nameServer, addr string) {
	open := func(prefix string) *Poller {
		p := Open(Config{Identity: collect.Identity{Cluster: "shop", Env: "test", Collector: "here"}, NameServers: []string{nameServer},
			Canary: collect.Canary{Enabled: true, Prefix: prefix}})
		t.Cleanup(p.Close)
		return p
	}
	p, refused := open(""), open("weir-canary-shut-")
	shut(t, p, addr, "weir-canary-shut-broker-a")
	_, before := topicsAndGroups(t, p, addr)
	probe := "probe " + addr + " - - -"
	for _, c := range []struct {
		of         *Poller
		own, topic string // its prefix, and where its canaries go
	}{{p, "weir-canary-", "weir-canary-broker-a"}, {refused, "weir-canary-shut-", "broker-a"}} {
		probeAll(t, c.of)
		s, err := poll(t, c.of)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.has(probe, map[string]float64{"heartbeat_failures_in_a_row": 0, "heartbeat_is_canary": 1, "heartbeats": 1}); err != nil {
			t.Error(err)
		}
		if s[probe]["heartbeat_send_seconds"] <= 0 {
			t.Errorf("got %v, want the seconds that a send took", s[probe])
		}
		for key := range s {
			if strings.Contains(key, c.own) || strings.Contains(key, "- broker-a ") {
				t.Errorf("there is a report of %s", key)
			}
		}
		if got := c.of.chosen.at(addr); got != c.topic {
			t.Errorf("canaries go to topic %s, want %s", got, c.topic)
		}
		reports, ok := c.of.Probe(t.Context(), addr)
		if !ok || len(reports) != 1 || reports[0].HeartbeatMicros.Count() != 1 {
			t.Errorf("got %v and %+v of a further one", ok, reports)
		}
		t.Logf("a canary to %s took %.1f ms", c.topic, reports[0].HeartbeatMicros.Quantile(0.5)/1000)
	}
	topics, after := topicsAndGroups(t, p, addr)
	if !slices.Contains(topics, "weir-canary-broker-a") || !slices.Equal(before, after) {
		t.Errorf("there are topics %v, want that of canaries, and groups %v, want no more than before: %v", topics, after, before)
	}

	setPermission(t, p, addr, 2)
	probeAll(t, p)
	s, err := poll(t, p)
	want := "poll cluster shop: broker " + addr + " can be sent no canaries, so that its heartbeats are round trips: no canary can be sent: ask " + addr +
		" for messages of topic weir-canary-broker-a: not permitted"
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v where nothing may be read, want %s", err, want)
	}
	if err := s.has(probe, map[string]float64{"heartbeat_failures_in_a_row": 0, "heartbeat_is_canary": 0, "heartbeats": 1}); err != nil {
		t.Error(err)
	}
	setPermission(t, p, addr, 6)
	p = open("") // to which nobody refused anything
	probeAll(t, p)
	if s, err = poll(t, p); err != nil {
		t.Error(err)
	}
	if err := s.has(probe, map[string]float64{"heartbeat_is_canary": 1, "heartbeats": 1}); err != nil {
		t.Error(err)
	}
}

// TestCanariesFail has one that takes connections and says nothing, and one that refuses them.
func TestCanariesFail(t *testing.T) {
	t.Parallel()
	p := Open(Config{Identity: collect.Identity{Cluster: "shop"}, Canary: collect.Canary{Enabled: true}})
	t.Cleanup(p.Close)
	hung, gone := listens(t), listens(t)
	_ = gone.Close()
	p.see(&cluster{brokers: []broker{{"a", hung.Addr().String(), 0}, {"b", gone.Addr().String(), 0}, {"a", "slave:1", 1}}})
	if got := p.Brokers(); len(got) != 2 {
		t.Errorf("canaries go to %v, want to the masters", got)
	}
	for addr, counts := range map[string]uint64{hung.Addr().String(): 1, gone.Addr().String(): 0} {
		began := time.Now()
		reports, ok := p.Probe(t.Context(), addr)
		if ok || len(reports) != 1 || reports[0].HeartbeatMicros.Count() != counts {
			t.Fatalf("got %v and %+v of %s, want that it failed, and %d round trips", ok, reports, addr, counts)
		}
		if took := time.Since(began); counts == 0 && took > collect.CanaryFails {
			t.Errorf("who refuses is waited for: %s", took)
		}
	}
	err := p.canaries.Err()
	if want := "broker " + hung.Addr().String() + " failed its canary: it was not back within 5.5s; so it is with 1 more brokers"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the end"))
	if reports, ok := p.Probe(ctx, hung.Addr().String()); !ok || len(reports) != 0 {
		t.Errorf("got %v and %d reports of one that was ended, want none", ok, len(reports))
	}
}
