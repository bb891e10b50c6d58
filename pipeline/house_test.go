package pipeline

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// surgeRule fires as soon as a topic carries more than ten messages in a second.
const surgeRule = `groups:
  - name: test
    rules:
      - alert: Surge
        by: [topic]
        window: 1s
        expr: messages > 10
        annotations: {summary: '{{ .topic }} surges', action: 'Call <nobody>'}
`

// runConfig is the configuration of a small pipeline on an embedded broker, with a
// receiver in the place of Alertmanager and without a store.
func runConfig(t *testing.T, alertmanagers ...string) Config {
	t.Helper()
	config := brokerConfig(t)
	config.Telemetry.Pane, config.Telemetry.Lateness, config.Telemetry.Partitions = time.Second, 0, 1
	config.HTTP.Addr = "127.0.0.1:0"
	config.Roles = []string{RoleAggregate, RoleRules, RoleAlertmanager}
	config.Alertmanager.URLs = alertmanagers
	config.Rules.Dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(config.Rules.Dir, "rules.yaml"), []byte(surgeRule), 0o600); err != nil {
		t.Fatal(err)
	}
	return config
}

// run runs a pipeline until the test ends, and waits until it is ready.
func run(t *testing.T, config Config) *Pipeline {
	t.Helper()
	p := launch(t, config)
	await(t, "that all stages run", func() bool { return p.Status().Ready })
	return p
}

func launch(t *testing.T, config Config) *Pipeline {
	t.Helper()
	p, err := New(config, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	start(t, p)
	return p
}

// start runs a pipeline until the test ends.
func start(t *testing.T, p *Pipeline) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

// await waits for a condition.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !is() {
		select {
		case <-deadline.C:
			t.Fatalf("waited a minute for %s", what)
		case <-ticker.C:
		}
	}
}

// get asks the pipeline's HTTP interface.
func get(p *Pipeline, path string) (code int, body string) {
	recorder := httptest.NewRecorder()
	p.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
	return recorder.Code, recorder.Body.String()
}

// receiver stands where Alertmanager does: its answer can be changed.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	answer int
	links  []string // generatorURLs of what it took
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{answer: http.StatusOK}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		var alerts []struct {
			GeneratorURL string `json:"generatorURL"`
		}
		if request.Method == http.MethodPost { // the rest asks how it is
			if err := json.NewDecoder(request.Body).Decode(&alerts); err != nil {
				t.Errorf("read a post: %v", err)
			}
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		w.WriteHeader(r.answer)
		for _, alert := range alerts {
			if r.answer == http.StatusOK {
				r.links = append(r.links, alert.GeneratorURL)
			}
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answers(code int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = code
}

func (r *receiver) taken() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.links
}

// sender writes records to weir.telemetry, and counts them.
type sender struct {
	t              *testing.T
	client         *kgo.Client
	records, bytes int
}

func newSender(t *testing.T, config *Config, options ...kgo.Opt) *sender {
	t.Helper()
	options = append(options, kgo.SeedBrokers(config.Kafka.Brokers...), kgo.DefaultProduceTopic(telemetry.TopicTelemetry))
	client, err := kgo.NewClient(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &sender{t: t, client: client}
}

// send writes one record.
func (s *sender) send(record *kgo.Record) {
	s.t.Helper()
	if err := s.client.ProduceSync(s.t.Context(), record).FirstErr(); err != nil {
		s.t.Fatal(err)
	}
	s.records++
	s.bytes += len(record.Value)
}

// report writes a report of so many messages to a topic, that began at a time.
func (s *sender) report(topic string, start time.Time, messages uint64) {
	s.t.Helper()
	s.send(&kgo.Record{Value: reportOf(s.t, topic, start, messages)})
}

// reportOf is a report of so many messages to a topic.
func reportOf(t *testing.T, topic string, start time.Time, messages uint64) []byte {
	t.Helper()
	value, err := telemetry.MarshalReport(&telemetry.Report{Schema: telemetry.Schema, StartUnixMillis: start.UnixMilli(), LengthMillis: 1000,
		Messages: messages, Bytes: messages * 100, Labels: telemetry.Labels{Cluster: "test", System: "kafka", Topic: topic, Op: "send", Client: "c"}})
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// stageOf is how a stage is.
func stageOf(p *Pipeline, role string) StageStatus {
	for _, stage := range p.Status().Stages {
		if stage.Stage == role {
			return stage
		}
	}
	return StageStatus{}
}
