package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/deploy/grafana"
	"github.com/weirmq/weir/deploy/grafana/datasource"
	"github.com/weirmq/weir/deploy/grafana/proof"
)

// expectDashboards runs every query of every dashboard on what the demo has left: no panel is empty.
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
			for _, fault := range results[i].Faults {
				t.Error(fault)
			}
			if results[i].Empty() {
				t.Errorf("%s, panel %s: shows nothing of the demo", d.UID, results[i].Panel.Title)
			}
		}
	}
	t.Logf("%d panels of %d dashboards were run", panels, len(grafana.Dashboards()))
	expectAMessagesWay(t, engine)
}

// expectAMessagesWay finds a message of the demo that was handled, and each of its steps before that.
func expectAMessagesWay(t *testing.T, engine proof.Engine) {
	t.Helper()
	frame, err := engine.Ask(t.Context(), "SELECT message_id FROM traces WHERE message_id != '' GROUP BY message_id HAVING uniqExact(step) = 3 ORDER BY message_id LIMIT 1")
	if err != nil || len(frame.Rows) != 1 {
		t.Errorf("the demo has no message that is known on all of its way: %v, %v", frame, err)
		return
	}
	id := fmt.Sprint(frame.Rows[0][0])
	out, err := exec.CommandContext(t.Context(), program, "find", id, "--dsn", engine.URL+"/"+engine.Database).CombinedOutput()
	if err != nil || !wayOfAMessage.Match(out) {
		t.Errorf("weir find %s: %v\n%s", id, err, out)
	}
	t.Logf("weir find %s:\n%s", id, out)
}

// wayOfAMessage has its steps in their order.
var wayOfAMessage = regexp.MustCompile(`(?s)\bsent\b.*\breceived\b.*\bhandled\b`)
