package main

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/deploy/grafana"
	"github.com/weirmq/weir/deploy/grafana/datasource"
	"github.com/weirmq/weir/deploy/grafana/proof"
)

// expectDashboards runs every query of every dashboard on what the demo has left: no panel is empty but those that say why they may be.
func expectDashboards(t *testing.T, data string, began time.Time) {
	t.Helper()
	addr := freeAddr(t)
	running, err := child.Start(t.Context(), child.Config{Executable: program, ReadyURL: "http://" + addr + "/ping", LogWriter: t.Output(),
		Args: []string{"clickhouse", "--addr", addr, "--data", filepath.Join(data, "clickhouse")}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
		defer cancel()
		if err := running.Stop(ctx); err != nil {
			t.Error(err)
		}
	}()
	engine := proof.Engine{URL: "http://" + addr, Database: "default"}
	request := datasource.Request{From: began.Add(-5 * time.Minute), To: time.Now(), Interval: time.Second}
	panels := 0
	for _, described := range grafana.Dashboards() {
		d, err := grafana.Load(described.File())
		if err != nil {
			t.Fatal(err)
		}
		results, err := engine.Run(t.Context(), d, request, proof.Choice{})
		if err != nil {
			t.Error(err)
		}
		for i := range results {
			panels++
			title := results[i].Panel.Title
			for _, fault := range results[i].Faults {
				t.Error(fault)
			}
			if !results[i].Empty() {
				continue
			}
			at := slices.IndexFunc(described.Absent, func(a grafana.Absent) bool { return a.Title == title })
			if at < 0 {
				t.Errorf("%s, panel %s: shows nothing of the demo", d.UID, title)
				continue
			}
			t.Logf("%s, panel %s: shows nothing of the demo: %s", d.UID, title, described.Absent[at].Why)
		}
	}
	t.Logf("%d panels of %d dashboards were run", panels, len(grafana.Dashboards()))
}
