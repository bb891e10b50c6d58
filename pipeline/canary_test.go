package pipeline

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/collect/health"
)

// canaryRules fire as the shipped ones do, in seconds in place of minutes.
const canaryRules = `groups:
  - name: heartbeats
    defaults:
      by: [cluster, node]
      where: op == "probe" and node != ""
    rules:
      - {alert: HeartbeatSlow, window: 4s, expr: heartbeat_p99 > 1s, for: 1s}
      - {alert: HeartbeatFailed, window: 4s, expr: heartbeat_failures >= 3}
`

// TestCanariesReachRules has a broker that answers requests at once, but takes a second and a half for a message, and then none: its
// canaries say so, to rules and to its health, and how it stands with requests does not hide it.
func TestCanariesReachRules(t *testing.T) {
	t.Parallel()
	polled, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(polled.Close)
	am := newReceiver(t)
	config := runConfig(t, am.URL)
	config.Roles = append(config.Roles, RoleCollect)
	config.Collect.Clusters = []ClusterConfig{{Name: "eu", System: "kafka", Brokers: polled.ListenAddrs(), Canary: CanaryConfig{Enabled: true, Interval: time.Second}}}
	if err := os.WriteFile(filepath.Join(config.Rules.Dir, "rules.yaml"), []byte(canaryRules), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := config.Validate(); err != nil {
		t.Fatal(err)
	}
	ended, slow := make(chan struct{}), 1500*time.Millisecond
	hangs := make(chan struct{})
	polled.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		polled.KeepControl()
		polled.SleepControl(func() {
			timer := time.NewTimer(slow)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-ended:
			}
			select {
			case <-hangs:
				<-ended
			default:
			}
		})
		return nil, nil, false
	})
	p := run(t, config)
	t.Cleanup(func() { close(ended) }) // before the pipeline ends
	fired := func(alert string) func() bool {
		return func() bool {
			_, body := get(p, "/api/v1/alerts")
			return strings.Contains(body, alert)
		}
	}
	await(t, "that the p99 of canaries fires a rule", fired("HeartbeatSlow"))
	await(t, "that health knows it", func() bool {
		for _, tree := range healthAt(t, p, "/api/v1/health?all=true&kind=node").Clusters {
			for _, child := range tree.Children {
				for _, part := range child.Parts {
					if part.Name == "heartbeat" && part.State == health.Warn && *part.Value >= slow.Seconds() {
						return true
					}
				}
			}
		}
		return false
	})
	began := time.Now()
	close(hangs)
	await(t, "that canaries which fail fire a rule", fired("HeartbeatFailed"))
	t.Logf("it fired %s after the broker took no more messages", time.Since(began).Round(time.Millisecond))
}
