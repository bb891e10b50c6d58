package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
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

// run runs a pipeline until the test ends.
func run(t *testing.T, config Config) *Pipeline {
	t.Helper()
	p, err := New(config, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	await(t, "that all stages run", func() bool { return p.Status().Ready })
	return p
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
		if err := json.NewDecoder(request.Body).Decode(&alerts); err != nil {
			t.Errorf("read a post: %v", err)
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

func newSender(t *testing.T, config *Config) *sender {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(config.Kafka.Brokers...), kgo.DefaultProduceTopic(telemetry.TopicTelemetry))
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
	value, err := telemetry.MarshalReport(&telemetry.Report{Schema: telemetry.Schema, StartUnixMillis: start.UnixMilli(), LengthMillis: 1000,
		Messages: messages, Bytes: messages * 100, Labels: telemetry.Labels{Cluster: "test", System: "kafka", Topic: topic, Op: "send", Client: "c"}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.send(&kgo.Record{Value: value})
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

// TestMetricsEqualWhatWasSent holds what each stage says of itself against what it was given.
func TestMetricsEqualWhatWasSent(t *testing.T) {
	am := newReceiver(t)
	config := runConfig(t, am.URL)
	p := run(t, config)
	s := newSender(t, &config)
	began := time.Now()
	for range 7 {
		s.report("orders", began, 20)
	}
	await(t, "that the first pane is closed", func() bool {
		sources := p.Status().Sources
		return len(sources) == 1 && sources[0].Watermark.After(began.Add(time.Second))
	})
	for range 3 {
		s.report("orders", began.Add(-5*time.Minute), 1) // late: its pane was closed long ago
	}
	for range 2 {
		s.report("orders", began.Add(-time.Hour), 1) // clamped to the tolerance of 10 minutes, and late
	}
	s.send(&kgo.Record{Value: []byte("garbage")})
	s.send(&kgo.Record{Value: []byte("more garbage")})
	s.report("orders", began.Add(-48*time.Hour), 1)
	await(t, "that all is read", func() bool { return stageOf(p, RoleAggregate).Records == uint64(s.records) && len(am.taken()) > 0 })
	late := `weir_late_reports_total{stage="aggregate"}`
	await(t, "that late reports are counted", func() bool { return metric(t, p.metrics, late) > 0 })
	for name, want := range map[string]float64{
		`weir_records_total{stage="aggregate"}`:                              float64(s.records),
		`weir_bytes_total{stage="aggregate"}`:                                float64(s.bytes),
		`weir_refused_records_total{stage="aggregate",reason="undecodable"}`: 2,
		`weir_refused_records_total{stage="aggregate",reason="time"}`:        1,
		late: 5,
		`weir_clamped_reports_total{stage="aggregate"}`:    2,
		`weir_overflowed_reports_total{stage="aggregate"}`: 0,
		`weir_stage_restarts_total{stage="aggregate"}`:     0,
		`weir_completeness_ratio{stage="rules"}`:           1,
		`weir_owned_partitions{stage="aggregate"}`:         1,
		`weir_stage_restarts_total{stage="alertmanager"}`:  0,
	} {
		if got := metric(t, p.metrics, name); got != want {
			t.Errorf("%s is %g, want %g", name, got, want)
		}
	}
	await(t, "that posts are counted", func() bool { // one alert a post
		return metric(t, p.metrics, `weir_write_duration_seconds_count{stage="alertmanager"}`) == float64(len(am.taken()))
	})
	for _, role := range config.Roles {
		for _, name := range []string{"weir_records_total", "weir_bytes_total", "weir_write_duration_seconds_count", "weir_write_duration_seconds_sum"} {
			if got := metric(t, p.metrics, fmt.Sprintf("%s{stage=%q}", name, role)); got <= 0 {
				t.Errorf("%s of stage %s is %g", name, role, got)
			}
		}
		await(t, role+" shows throughput, write times and no lag", func() bool {
			s.report("other", time.Now(), 1) // something flows
			stage := stageOf(p, role)
			return stage.RecordsPerSecond > 0 && stage.BytesPerSecond > stage.RecordsPerSecond && stage.WriteP50Seconds > 0 &&
				stage.WriteP99Seconds >= stage.WriteP50Seconds && stage.LagRecords < 20 && stage.Partitions == 1
		})
	}
	if got := metric(t, p.metrics, `weir_watermark_delay_seconds{stage="aggregate"}`); got <= 0 || got > 30 {
		t.Errorf("the watermark is %g s behind the clock, with a source that is read to its end", got)
	}
}

// TestOneInstanceBackSaysNothingOfTheOther: two Alertmanagers fail and one comes back.
func TestOneInstanceBackSaysNothingOfTheOther(t *testing.T) {
	away, back := newReceiver(t), newReceiver(t)
	away.answers(http.StatusServiceUnavailable)
	back.answers(http.StatusServiceUnavailable)
	config := runConfig(t, away.URL, back.URL)
	p := run(t, config)
	s := newSender(t, &config)
	s.report("orders", time.Now(), 20)
	says := func(url string) bool { return contains(stageOf(p, RoleAlertmanager).Error, url) }
	await(t, "that both are said to fail", func() bool { return says(away.URL) && says(back.URL) })
	back.answers(http.StatusOK)
	await(t, "that one is back", func() bool { return len(back.taken()) > 0 && !says(back.URL) })
	if !says(away.URL) {
		t.Errorf("the stage says %q, while %s is away", stageOf(p, RoleAlertmanager).Error, away.URL)
	}
	away.answers(http.StatusOK)
	await(t, "that nothing fails", func() bool { return stageOf(p, RoleAlertmanager).Error == "" })
}
