package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/deploy/kafka"
	"github.com/weirmq/weir/deploy/parts"
)

// faultHouse is a house whose collector watches a real cluster of three nodes, with the shipped rules and the example configuration of
// Alertmanager. What Weir needs itself is on the embedded broker.
type faultHouse struct {
	*house
	cluster string // whose alerts count
	nodes   []*kafka.Node
	admin   *kadm.Client
	weir    *process
}

// watched is the cluster's name.
const watched = "faults"

// sooner are the durations that the test takes in place of those of the shipped rules, by the rule's name and field: those would be waited for
// in minutes. A window is longer than the 9 s and a poll for which partitions are unknown whose node went away. All else of the rules is as it
// is shipped, and the cluster stands in the policy's inventory.
var sooner = map[string]string{
	"SendSkew window": "20s", "SendSkew for": "5s",
	"LagSkew window": "20s", "LagSkew for": "5s",
	"BacklogHigh window": "20s", "BacklogHigh for": "5s",
	"ControllerMissing for": "10s",
}

func newFaultHouse(t *testing.T) *faultHouse {
	t.Helper()
	jars, err := parts.Kafka()
	if err != nil {
		t.Fatal(err)
	}
	logs := &child.Output{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(logs)
		}
	})
	cluster, err := kafka.StartCluster(t.Context(), kafka.Config{JarDir: jars, DataDir: filepath.Join(t.TempDir(), "kafka"), LogWriter: logs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Kill)
	h := newHouse(t, embeddedBroker(t), "")
	h.ship()
	h.startExampleAlertmanager()
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.Addrs()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	section := fmt.Sprintf("collect: {clusters: [{name: %s, system: kafka, brokers: [%s], tiers: [{tier: S1, groups: [bill*], topics: [ord*]}]}]}\nrules: {dir",
		watched, strings.Join(cluster.Addrs(), ", "))
	config, addr := h.writeConfig("rules: {dir", section, "pane: 1s", "pane: 5s")
	weir := h.launchWith(config, addr, "--roles", "aggregate,rules,alertmanager,collect")
	weir.awaitReady()
	return &faultHouse{h, watched, cluster.Nodes(), kadm.NewClient(client), weir}
}

// ship puts the shipped rules in the place of the house's own.
func (h *house) ship() {
	h.t.Helper()
	if err := os.Remove(h.ruleFile()); err != nil {
		h.t.Fatal(err)
	}
	shipped, err := filepath.Glob(filepath.Join("..", "..", "rules.d", "*.yaml"))
	if err != nil || len(shipped) == 0 {
		h.t.Fatalf("find the shipped rules: %v", err)
	}
	for _, path := range shipped {
		name := filepath.Base(path)
		text := strings.Replace(shippedRules(h.t, name, sooner), "  clusters:\n", "  clusters:\n    "+watched+": {nodes: 3, brokers: 3}\n", 1)
		if err := os.WriteFile(filepath.Join(h.rulesDir(), name), []byte(text), 0o600); err != nil {
			h.t.Fatal(err)
		}
	}
}

// startExampleAlertmanager starts Alertmanager as the example configures it. Nobody listens where it sends to.
func (h *house) startExampleAlertmanager() {
	h.t.Helper()
	executable, err := parts.Alertmanager()
	if err != nil {
		h.t.Fatal(err)
	}
	running, err := child.Start(h.t.Context(), child.Config{Executable: executable, LogWriter: h.logs, ReadyURL: "http://" + h.alertmanagerAddr + "/-/ready",
		Args: []string{"--config.file=../../deploy/alertmanager/alertmanager.yml", "--storage.path=" + filepath.Join(h.dir, "alertmanager"),
			"--web.listen-address=" + h.alertmanagerAddr, "--cluster.listen-address="}})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(running.Kill)
}

// posted is an alert that fires, as Alertmanager has it.
type posted struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Status      struct {
		State       string   `json:"state"` // active or suppressed
		InhibitedBy []string `json:"inhibitedBy"`
	} `json:"status"`
}

// posted are the alerts of a rule that Alertmanager has, of the watched cluster, and of one node or group where that is given.
func (f *faultHouse) posted(rule, of string) []posted {
	f.t.Helper()
	response, err := web.Get("http://" + f.alertmanagerAddr + "/api/v2/alerts")
	code, body := read(response, err)
	var all, out []posted
	if code != http.StatusOK || json.Unmarshal([]byte(body), &all) != nil {
		f.t.Fatalf("Alertmanager answers %d: %s", code, body)
	}
	for _, alert := range all {
		if alert.Labels["alertname"] == rule && alert.Labels["cluster"] == f.cluster && (of == "" || alert.Labels["node"] == of || alert.Labels["group"] == of) {
			out = append(out, alert)
		}
	}
	return out
}

// awaitFires waits until Alertmanager has an alert of a rule in one of its states, and returns how long after a moment that was.
func (f *faultHouse) awaitFires(since time.Time, rule, of, state string) time.Duration {
	f.t.Helper()
	eventually(f.t, func() bool {
		found := f.posted(rule, of)
		return len(found) > 0 && found[0].Status.State == state && (state == "suppressed") == (len(found[0].Status.InhibitedBy) > 0)
	}, func() string {
		return fmt.Sprintf("%s of %q is %+v, want it %s%s", rule, of, f.posted(rule, of), state, f.state())
	})
	took := time.Since(since)
	f.t.Logf("%s of %q is %s after %s", rule, of, state, took.Round(100*time.Millisecond))
	return took
}

// awaitOver waits until Alertmanager has no alert of these rules.
func (f *faultHouse) awaitOver(rules ...string) {
	f.t.Helper()
	began := time.Now()
	for _, rule := range rules {
		eventually(f.t, func() bool { return len(f.posted(rule, "")) == 0 }, func() string {
			return fmt.Sprintf("%s does not resolve: %+v%s", rule, f.posted(rule, ""), f.state())
		})
		f.t.Logf("%s is over after %s", rule, time.Since(began).Round(100*time.Millisecond))
	}
}

// topic creates one whose messages need so many replicas in sync.
func (f *faultHouse) topic(name string, partitions int32, replicas int16, minISR string) {
	f.t.Helper()
	if _, err := f.admin.CreateTopic(f.t.Context(), partitions, replicas, map[string]*string{"min.insync.replicas": &minISR}, name); err != nil {
		f.t.Fatal(err)
	}
}

// commit commits for a group without members how far it has read a topic: to its start, or to its end.
func (f *faultHouse) commit(group, topic string, toEnd bool) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	list := f.admin.ListStartOffsets
	if toEnd {
		list = f.admin.ListEndOffsets
	}
	offsets, err := list(ctx, topic)
	if err == nil {
		err = offsets.Error()
	}
	if err == nil {
		err = f.admin.CommitAllOffsets(ctx, group, offsets.Offsets())
	}
	if err != nil {
		f.t.Fatalf("commit for %s: %v", group, err)
	}
}
