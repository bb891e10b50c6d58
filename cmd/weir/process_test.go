package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/pipeline"
)

// stopLimit is how long a process may take to stop: as long as supervisors wait
// before they kill.
const stopLimit = 30 * time.Second

// process is a weir run.
type process struct {
	*child.Child
	t   *testing.T
	url string
}

// launchWeir runs weir run and does not wait for it to be ready.
func (h *house) launchWeir(args ...string) *process {
	h.t.Helper()
	config, addr := h.writeConfig()
	return h.launchWith(config, addr, args...)
}

func (h *house) launchWith(config, addr string, args ...string) *process {
	h.t.Helper()
	url := "http://" + addr
	p := &process{h.start("weir run", url+"/-/healthy", append([]string{"run", "--config", config}, args...)...), h.t, url}
	h.processes = append(h.processes, p)
	return p
}

// state is what every running weir says of itself, for the text of a failure.
func (h *house) state() string {
	var out strings.Builder
	for _, p := range h.processes {
		if code, body := p.get("/api/v1/status"); code == http.StatusOK {
			fmt.Fprintf(&out, "\n%s", body)
		}
	}
	return out.String()
}

// startWeir runs weir run until ready.
func (h *house) startWeir(args ...string) *process {
	h.t.Helper()
	p := h.launchWeir(args...)
	p.awaitReady()
	return p
}

func (p *process) awaitReady() {
	p.t.Helper()
	text := ""
	eventually(p.t, func() bool {
		code, body := p.get("/-/ready")
		text = body
		return code == http.StatusOK
	}, func() string { return "weir run is not ready: " + text })
}

// web bounds an answer: a process that hangs must not hang its test.
var web = &http.Client{Timeout: 10 * time.Second}

// get returns the answer's status, 0 where there is none, and its text.
func (p *process) get(path string) (code int, body string) {
	response, err := web.Get(p.url + path)
	return read(response, err)
}

func (p *process) post(path string) (code int, body string) {
	response, err := web.Post(p.url+path, "", nil)
	return read(response, err)
}

func read(response *http.Response, err error) (int, string) {
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(body)
}

// status is what the process says of itself, the zero Status where it does not answer.
func (p *process) status() pipeline.Status {
	var status pipeline.Status
	if code, body := p.get("/api/v1/status"); code == http.StatusOK {
		if err := json.Unmarshal([]byte(body), &status); err != nil {
			p.t.Fatalf("/api/v1/status: %v in %s", err, body)
		}
	}
	return status
}

func (p *process) stage(role string) pipeline.StageStatus {
	for _, stage := range p.status().Stages {
		if stage.Stage == role {
			return stage
		}
	}
	return pipeline.StageStatus{}
}

// metric is the value of one metric, written with its labels; 0 where it is absent.
func (p *process) metric(name string) float64 {
	_, body := p.get("/metrics")
	for line := range strings.SplitSeq(body, "\n") {
		if text, found := strings.CutPrefix(line, name+" "); found {
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				p.t.Fatalf("/metrics: %q: %v", line, err)
			}
			return value
		}
	}
	return 0
}

// awaitStage waits until a stage is as wanted.
func (p *process) awaitStage(role, wanted string, is func(pipeline.StageStatus) bool) {
	p.t.Helper()
	var stage pipeline.StageStatus
	eventually(p.t, func() bool { stage = p.stage(role); return is(stage) },
		func() string { return fmt.Sprintf("stage %s is %+v, want %s", role, stage, wanted) })
}

// awaitPartitions waits until every given process owns part of each stage and all
// together own the whole.
func awaitPartitions(t *testing.T, role string, whole int64, processes ...*process) {
	t.Helper()
	var owned []int64
	eventually(t, func() bool {
		owned = nil
		var sum int64
		least := whole
		for _, p := range processes {
			n := p.stage(role).Partitions
			owned = append(owned, n)
			sum += n
			least = min(least, n)
		}
		return sum == whole && least > 0
	}, func() string {
		return fmt.Sprintf("processes own %v partitions of %s, want each some of %d", owned, role, whole)
	})
}

// stopInOrder sends SIGTERM and wants exit code 0 in bounded time.
func (p *process) stopInOrder() {
	p.t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	if err := p.Stop(ctx); err != nil {
		p.t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		p.t.Errorf("after SIGTERM: %v, want exit status 0", err)
	}
	p.t.Logf("stopped after %s", time.Since(began).Round(time.Millisecond))
}
