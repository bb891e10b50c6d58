package alertmanager

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/deploy/parts"
)

// patience bounds a wait for a condition. Not smaller: a busy machine starts Alertmanager in tens of seconds; not
// larger: what is not held back by then never is.
const patience = 60 * time.Second

// posted is an alert as Alertmanager's API takes and gives it.
type posted struct {
	Labels map[string]string `json:"labels"`
	Status struct {
		State string `json:"state"`
	} `json:"status,omitzero"`
	Receivers []struct {
		Name string `json:"name"`
	} `json:"receivers,omitempty"`
}

// of reads an alert's labels from a text such as name cluster=eu.
func of(text string) posted {
	words := strings.Fields(text)
	alert := posted{Labels: map[string]string{"alertname": words[0]}}
	for _, word := range words[1:] {
		name, value, _ := strings.Cut(word, "=")
		alert.Labels[name] = value
	}
	return alert
}

// startExample runs a real Alertmanager on the example configuration.
func startExample(t *testing.T) (url string) {
	t.Helper()
	executable, err := parts.Alertmanager()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	listener.Close()
	logs := &bytes.Buffer{}
	running, err := child.Start(t.Context(), child.Config{Executable: executable, LogWriter: logs, ReadyURL: "http://" + addr + "/-/ready",
		Args: []string{"--config.file=alertmanager.yml", "--storage.path=" + filepath.Join(t.TempDir(), "data"),
			"--web.listen-address=" + addr, "--cluster.listen-address="}})
	if err != nil {
		t.Fatalf("%v\n%s", err, logs)
	}
	t.Cleanup(running.Kill)
	return "http://" + addr + "/api/v2/alerts"
}

// TestExampleHoldsBackWhatFollows posts alerts to a real Alertmanager with the example configuration and asks it which of them it
// holds back.
func TestExampleHoldsBackWhatFollows(t *testing.T) {
	url := startExample(t)
	want := map[string]string{ // state, by alert
		"HeartbeatFailed severity=critical cluster=eu node=b1":                                 "active",
		"NodeMissing severity=critical cluster=us":                                             "active",
		"BacklogHigh severity=critical cluster=eu group=billing topic=orders tier=S1":          "suppressed",
		"PartitionStopped severity=critical cluster=us group=billing topic=orders tier=S1":     "suppressed",
		"BacklogHigh severity=critical cluster=asia group=billing topic=orders tier=S1":        "active",
		"RetentionRisk severity=critical cluster=eu group=billing topic=orders tier=S1":        "active",
		"SendSlow severity=warning cluster=eu topic=orders tier=S1":                            "active",
		"HeartbeatSlow severity=warning cluster=eu node=b1":                                    "suppressed",
		"HeartbeatSlow severity=warning cluster=eu node=b2":                                    "active",
		"HeartbeatSlow severity=warning cluster=asia node=b1":                                  "suppressed",
		"HeartbeatSlow severity=critical cluster=asia node=b1":                                 "active",
		"DiskWatermark severity=warning cluster=asia node=b1":                                  "suppressed",
		"DiskWatermark severity=critical cluster=asia node=b1":                                 "active",
		"ClusterWriteVolatile severity=warning cluster=asia":                                   "suppressed",
		"ClusterWriteVolatile severity=critical cluster=asia":                                  "active",
		"ClusterWatermark severity=warning cluster=asia":                                       "suppressed",
		"ClusterWatermark severity=critical cluster=asia":                                      "active",
		"ReplicaHealth severity=warning cluster=asia":                                          "suppressed",
		"ReplicaHealthCritical severity=critical cluster=asia":                                 "active",
		"ReplicaHealth severity=warning cluster=us":                                            "suppressed",
		"ControllerMissing severity=critical cluster=us":                                       "active",
		"ConsumerNodeOffline severity=warning cluster=asia group=billing tier=S1":              "suppressed",
		"ConsumerNodeOffline severity=critical cluster=asia group=billing tier=S1":             "active",
		"ConsumerNodeOffline severity=warning cluster=asia group=shipping tier=S1":             "active",
		"LargeMessage severity=info cluster=eu topic=orders tier=S1":                           "active",
		"ConsumeZeroBacklog severity=warning cluster=eu group=billing topic=invoices tier=S3":  "suppressed",
		"LagSkew severity=warning cluster=asia group=billing topic=invoices tier=S3":           "active",
		"GroupOffline severity=critical cluster=us group=billing tier=S1":                      "suppressed",
		"PartitionStalled severity=warning cluster=asia group=billing topic=invoices tier=S3":  "active",
		"BacklogGrowing severity=warning cluster=us group=billing topic=orders tier=S1":        "suppressed",
		"PartitionStalled severity=critical cluster=eu group=billing topic=orders tier=S1":     "suppressed",
		"LagSkew severity=warning cluster=eu group=billing topic=orders tier=S1":               "suppressed",
		"SlowBroker severity=warning cluster=eu node=b1":                                       "suppressed",
		"HeartbeatSlow severity=critical cluster=eu node=b1":                                   "suppressed",
		"TopicRateVolatile severity=warning cluster=eu topic=orders tier=S1":                   "active",
		"FlowControlRisk severity=critical cluster=eu node=b1":                                 "active",
		"ClusterWatermark severity=warning cluster=us":                                         "active",
		"ReplicaHealth severity=warning cluster=eu":                                            "active",
		"ClusterWriteVolatile severity=warning cluster=eu":                                     "active",
		"DiskWatermark severity=warning cluster=eu node=b2":                                    "active",
		"ConsumeZeroBacklog severity=critical cluster=africa group=billing topic=orders tier=": "active",
	}
	post(t, url, slices.Collect(maps.Keys(want))...)
	awaitStates(t, url, want)
}

// TestExampleSendsTheDigestOnItsOwn, to who is not told of what resolved.
func TestExampleSendsTheDigestOnItsOwn(t *testing.T) {
	url := startExample(t)
	const digest, info = "Inspection severity=info lane=inspection day=2026-11-25", "LargeMessage severity=info cluster=eu lane=stable"
	post(t, url, digest, info)
	awaitStates(t, url, map[string]string{digest: "active", info: "active"})
	for _, alert := range posts(t, url) {
		if want := map[string]string{"Inspection": "digest", "LargeMessage": "chat"}[alert.Labels["alertname"]]; len(alert.Receivers) != 1 || alert.Receivers[0].Name != want {
			t.Errorf("%v goes to %v, want %s alone", alert.Labels, alert.Receivers, want)
		}
	}
}

// post tells Alertmanager of alerts.
func post(t *testing.T, url string, texts ...string) {
	t.Helper()
	var alerts []posted
	for _, text := range texts {
		alerts = append(alerts, of(text))
	}
	body, err := json.Marshal(alerts)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("Alertmanager takes the alerts with %s", response.Status)
	}
}

// awaitStates waits until Alertmanager has the alerts in their states.
func awaitStates(t *testing.T, url string, want map[string]string) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		wrong := differences(t, url, want)
		if wrong == "" {
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("after %s: %s", patience, wrong)
		case <-ticker.C:
		}
	}
}

// posts are the alerts that Alertmanager has.
func posts(t *testing.T, url string) []posted {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var found []posted
	if err := json.NewDecoder(response.Body).Decode(&found); err != nil {
		t.Fatal(err)
	}
	return found
}

// differences says which alerts Alertmanager has in another state than they should be in, "" where there are none.
func differences(t *testing.T, url string, want map[string]string) string {
	t.Helper()
	states := map[string]string{}
	for _, alert := range posts(t, url) {
		states[fmt.Sprint(alert.Labels)] = alert.Status.State
	}
	var wrong strings.Builder
	for text, state := range want {
		labels := of(text).Labels
		if labels["tier"] == "" {
			delete(labels, "tier") // as Alertmanager does
		}
		if got := states[fmt.Sprint(labels)]; got != state {
			fmt.Fprintf(&wrong, "%s is %q, want %q\n", text, got, state)
		}
	}
	return wrong.String()
}

// TestExampleKnowsEveryPair holds that each shipped rule with a critical twin is held back by it, and that no name in the example is
// that of no rule.
func TestExampleKnowsEveryPair(t *testing.T) {
	example, err := os.ReadFile("alertmanager.yml")
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob("../../rules.d/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	alerts := map[string]bool{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(string(text), -1) {
			alerts[match[1]] = true
		}
	}
	for alert := range alerts {
		warning, twin := strings.CutSuffix(alert, "Critical")
		if twin && !bytes.Contains(example, []byte(`alertname = "`+warning+`"`)) {
			t.Errorf("nothing holds %s back while %s fires", warning, alert)
		}
	}
	for _, match := range regexp.MustCompile(`alertname =~? "([\w|]+)"`).FindAllStringSubmatch(string(example), -1) {
		for name := range strings.SplitSeq(match[1], "|") {
			if !alerts[name] {
				t.Errorf("the example names %s, which no rule is", name)
			}
		}
	}
}
