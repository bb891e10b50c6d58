package pipeline

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

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
	await(t, "that all is read, and counted", func() bool { // what is told of a source is counted
		return p.Status().Sources[0].NextOffset == int64(s.records) && len(am.taken()) > 0
	})
	for name, want := range map[string]float64{
		`weir_records_total{stage="aggregate"}`:                              float64(s.records),
		`weir_bytes_total{stage="aggregate"}`:                                float64(s.bytes),
		`weir_refused_records_total{stage="aggregate",reason="undecodable"}`: 2,
		`weir_refused_records_total{stage="aggregate",reason="time"}`:        1,
		`weir_late_reports_total{stage="aggregate"}`:                         5,
		`weir_clamped_reports_total{stage="aggregate"}`:                      2,
		`weir_overflowed_reports_total{stage="aggregate"}`:                   0,
		`weir_stage_restarts_total{stage="aggregate"}`:                       0,
		`weir_completeness_ratio{stage="rules"}`:                             1,
		`weir_owned_partitions{stage="aggregate"}`:                           1,
		`weir_stage_restarts_total{stage="alertmanager"}`:                    0,
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

// TestAWrongTopicIsWaitedFor: the stages say what is wrong, and run once it is mended.
func TestAWrongTopicIsWaitedFor(t *testing.T) {
	am := newReceiver(t)
	config := runConfig(t, am.URL)
	admin := openAdmin(t, &config)
	makeTopic(t, admin, telemetry.TopicAlerts, 1, "cleanup.policy", "compact", "max.message.bytes", "2097152", "min.compaction.lag.ms", "5")
	p := launch(t, config)
	for _, role := range config.Roles {
		await(t, role+" to say what is wrong", func() bool {
			stage := stageOf(p, role)
			return stage.State == stateStarting && contains(stage.Error, "weir.alerts has min.compaction.lag.ms=5, needs at least 3600000 (1h)")
		})
	}
	if code, text := get(p, "/-/ready"); code != http.StatusServiceUnavailable || !contains(text, "rules: starting topic weir.alerts has min.compaction.lag.ms=5") {
		t.Errorf("/-/ready answers %d: %s", code, text)
	}
	lag := "259200000"
	if _, err := admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "min.compaction.lag.ms", Value: &lag}}, telemetry.TopicAlerts); err != nil {
		t.Fatal(err)
	}
	await(t, "that all stages run", func() bool { return p.Status().Ready })
	if code, text := get(p, "/-/ready"); code != http.StatusOK || text != "ready\n" {
		t.Errorf("/-/ready answers %d: %s", code, text)
	}
}
