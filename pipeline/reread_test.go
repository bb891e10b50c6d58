package pipeline

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/sink/clickhouse"
)

// reloading is a pipeline of a configuration file, which write replaces.
func reloading(t *testing.T, text string) (p *Pipeline, write func(text string)) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "weir.yaml")
	write = func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	load := func() (Config, error) { return LoadConfig(path, []string{"WEIR_RULES_DIR=" + dir + "/rules"}) }
	if err := os.Mkdir(filepath.Join(dir, "rules"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "rules", "a.yaml"), []byte("groups: [{name: g, rules: [{alert: A, expr: tps > 1}]}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	write(text)
	config, err := load()
	if err != nil {
		t.Fatal(err)
	}
	if p, err = New(config, testLog(t)); err != nil {
		t.Fatal(err)
	}
	p.Reread(load)
	return p, write
}

// askReload is what POST /-/reload answers.
func askReload(p *Pipeline) string {
	recorder := httptest.NewRecorder()
	p.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/-/reload", nil))
	return fmt.Sprint(recorder.Code, " ", recorder.Body)
}

// TestInspectionAtIsReloaded: the inspector goes by a new time at once, whatever becomes of the rules. Of keys that need a
// restart the answer says so, each time, and a faulty configuration changes nothing.
func TestInspectionAtIsReloaded(t *testing.T) {
	t.Parallel()
	p, write := reloading(t, "inspection: {at: '06:00'}\n")
	inspector := newInspector(&ruler{metrics: p.metrics.stage(RoleRules)}, p)
	for _, c := range []struct {
		text, answer string
		at           time.Duration
	}{
		{"inspection: {at: '05:15'}\n", "200 reloaded\n", 5*time.Hour + 15*time.Minute},
		{"inspection: {at: '05:20'}\nkafka: {brokers: ['a:1']}\nhttp: {token: hunter2}\n", "200 reloaded\nrestart Weir for what was changed of kafka.brokers, http.token\n", 5*time.Hour + 20*time.Minute},
		{"kafka: {brokers: ['a:1']}\n", "200 reloaded\nrestart Weir for what was changed of kafka.brokers\n", 6 * time.Hour},
		{"inspection: {at: noon}\n", "422 load the configuration: " + filepath.Dir(p.config.Rules.Dir) +
			"/weir.yaml:1: inspection.at: got \"noon\", want hours and minutes in UTC as 06:00\n", 6 * time.Hour},
		{"inspection: {at: '00:00'}\n", "200 reloaded\n", 0},
	} {
		write(c.text)
		if got := askReload(p); got != c.answer {
			t.Errorf("%q is answered by %q, want %q", c.text, got, c.answer)
		}
		if got := inspector.clock.schedule().at; got != c.at {
			t.Errorf("after %q days are inspected %s behind midnight, want %s", c.text, got, c.at)
		}
	}
}

// TestBrokenRulesKeepNoTimeBack: each of the two is reloaded by itself.
func TestBrokenRulesKeepNoTimeBack(t *testing.T) {
	t.Parallel()
	p, write := reloading(t, "")
	write("inspection: {at: '05:15'}\n")
	broken := filepath.Join(p.config.Rules.Dir, "b.yaml")
	if err := os.WriteFile(broken, []byte("groups: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Reload(); err == nil || p.rules.status().Count != 1 {
		t.Errorf("got %v of broken rules", err)
	}
	if at := p.inspections.schedule().at; at != 5*time.Hour+15*time.Minute {
		t.Errorf("days are inspected at %s", at)
	}
}

// TestRetentionIsReloaded: the stage clickhouse hears of new lifetimes at once, and of those that stay as they were nothing.
func TestRetentionIsReloaded(t *testing.T) {
	t.Parallel()
	p, write := reloading(t, "clickhouse: {retention: {rollup_10s: 30d}}\n")
	for _, c := range []struct {
		text, answer string
		heard        bool
		want         clickhouse.Retention
	}{
		{"clickhouse: {retention: {rollup_10s: 720h}}\n", "200 reloaded\n", false, clickhouse.Retention{"rollup_10s": {Rows: 30 * rules.Day}}},
		{"clickhouse: {retention: {rollup_10s: 14d, tiers: [{tier: S4, rollup_10s: 3d}]}}\n", "200 reloaded\n", true,
			clickhouse.Retention{"rollup_10s": {Rows: 14 * rules.Day, Tiers: []clickhouse.TierLifetime{{Tier: "S4", Rows: 3 * rules.Day}}}}},
		{"clickhouse: {retention: {rollup_10s: soon}}\n", "422 load the configuration: " + filepath.Dir(p.config.Rules.Dir) +
			"/weir.yaml:1: clickhouse.retention.rollup_10s: got \"soon\", allowed are whole hours from 1d to 3650d, for example 30d\n", false,
			clickhouse.Retention{"rollup_10s": {Rows: 14 * rules.Day, Tiers: []clickhouse.TierLifetime{{Tier: "S4", Rows: 3 * rules.Day}}}}},
		{"clickhouse: {cluster: c}\n", "200 reloaded\nrestart Weir for what was changed of clickhouse.cluster\n", true, clickhouse.Retention{}},
	} {
		write(c.text)
		if got := askReload(p); got != c.answer {
			t.Errorf("%q is answered by %q, want %q", c.text, got, c.answer)
		}
		if heard := len(p.retention.changed) > 0; heard != c.heard {
			t.Errorf("after %q heard is %t", c.text, heard)
		}
		if diff := cmp.Diff(c.want, p.retention.current()); diff != "" {
			t.Errorf("after %q (-want +got):\n%s", c.text, diff)
		}
		select {
		case <-p.retention.changed:
		default:
		}
	}
}

// TestAReloadNamesSectionsOfLists that came and that are gone.
func TestAReloadNamesSectionsOfLists(t *testing.T) {
	t.Parallel()
	one := "collect: {clusters: [{name: a, system: kafka, brokers: ['a:1'], interval: 2s}]}\n"
	for _, c := range []struct{ before, after string }{{"", one}, {one, ""}} {
		p, write := reloading(t, c.before)
		write(c.after)
		if got := askReload(p); !strings.HasPrefix(got, "200 reloaded\nrestart Weir for what was changed of collect.clusters.0.name, collect.clusters.0.env, collect.clusters.0.system, ") {
			t.Errorf("got %q", got)
		}
	}
}
