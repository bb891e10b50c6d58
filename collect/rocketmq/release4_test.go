package rocketmq

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/deploy/parts"
	parties "github.com/weirmq/weir/deploy/rocketmq"
	"github.com/weirmq/weir/telemetry"
)

// TestRealClusterOfRelease4 polls RocketMQ 4.9 with its own clients and its own tool, and finds what it finds of RocketMQ 5.
func TestRealClusterOfRelease4(t *testing.T) {
	r := startRealOf(t, setup{find: parts.RocketMQ4})
	p := Open(Config{Identity: collect.Identity{Cluster: "shop", Env: "test"}, NameServers: []string{r.nameServer.Addr()}})
	t.Cleanup(p.Close)
	addr := r.broker.Addr()
	create(t, p, addr, "idle")
	createTopic(t, p, addr, "%RETRY%idle", 1) // the tool finds a group by it
	for queue := range 3 {                    // the fourth never
		commit(t, p, addr, "idle", queue, queue+1)
	}
	eventually(t, p, func(s seen, err error) error {
		if err != nil {
			return err
		}
		for key, want := range map[string]map[string]float64{
			"broker - - - -":                    {"brokers_alive": 1, "nodes_alive": 2, "leaderless_partitions": 0},
			"broker " + addr + " - - -":         {"send_queue_wait_seconds": 0, "page_cache_lock_seconds": 0},
			"probe " + addr + " - - -":          {"heartbeat_failures_in_a_row": 0, "heartbeats": 1},
			"broker - - orders broker-a:3":      {"partition_messages_per_second": 0},
			"group - readers - -":               {"members": 1},
			"group - readers orders broker-a:1": {"lag_messages": 0},
			"group - readers orders broker-a:2": {"lag_messages": 0},
			"group - readers orders broker-a:3": {"lag_messages": 0},
			"group - readers orders broker-a:0": {"lag_messages": 0, "lag_seconds": 0, "retention_left_seconds": 72 * 3600, "stalled_partitions": 0},
			"group - idle - -":                  {"members": 0},
			"group - idle orders -":             {"lag_median_messages": 8},
			"group - idle orders broker-a:2":    {"lag_messages": 7},
		} {
			if err := s.has(key, want); err != nil {
				return err
			}
		}
		if values, says := s["group - idle orders broker-a:3"]; says {
			return fmt.Errorf("a queue that was never committed has %v", values)
		}
		return nil
	})

	info, err := p.client.Broker(addr).RuntimeInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if release, want := info.Values["brokerVersionDesc"], "V"+strings.ReplaceAll(parts.RocketMQ4Version, ".", "_"); release != want {
		t.Errorf("the broker is of release %q, want %s", release, want)
	}
	if used, known := info.DiskRatio(); !known || used <= 0 || used > 1 {
		t.Errorf("the disk is %v full, %v", used, known)
	}

	p.clients = collect.ClientReports{}
	reports, err := p.Poll(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	releases := map[string]string{}
	for i := range reports {
		if l := &reports[i].Labels; l.SDKLang == "java" {
			releases[l.Group] = l.SDKVersion // a producer has none
		}
	}
	if releases["readers"] != parts.RocketMQ4Version || releases[""] != parts.RocketMQ4Version {
		t.Errorf("got releases %v of the clients", releases)
	}

	printed, err := parties.Admin(t.Context(), r.config("admin"), r.nameServer.Addr(), "consumerProgress -g readers", "consumerProgress -g idle")
	if err != nil {
		t.Fatal(err)
	}
	said := seenIn(reports)
	for i, group := range []string{"readers", "idle"} {
		tool := progressOf(t, printed[i])
		for queue, says := range tool {
			if queue.Topic != "orders" || group == "idle" && queue.ID == 3 {
				continue
			}
			key := "group - " + group + " " + queue.Topic + " " + partition(queue)
			if err := said.has(key, map[string]float64{telemetry.GaugeLagMessages: float64(says.unread)}); err != nil {
				t.Error(err)
			}
		}
		if len(tool) < 4 {
			t.Errorf("the tool printed %d queues:\n%s", len(tool), printed[i])
		}
	}
	canariesOfARealBroker(t, r.nameServer.Addr(), addr)
}
