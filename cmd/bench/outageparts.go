package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/weirmq/weir/deploy/ports"
	"github.com/weirmq/weir/pipeline"
)

// storingCommand is weir run with the role clickhouse alone, until it is stopped.
type storingCommand struct {
	Addr  string `arg:"" help:"Of the broker."`
	DSN   string `arg:"" help:"Of the store."`
	HTTP  string `arg:"" help:"Address of metrics and status."`
	Rules string `required:""`

	Profile string `help:"Write a CPU profile to this file."`
}

// Run runs the stage.
func (c *storingCommand) Run(ctx context.Context) error {
	settings := config(c.Addr, partitions)
	settings.Roles = []string{pipeline.RoleClickHouse}
	settings.Rules.Dir, settings.ClickHouse.DSN, settings.HTTP.Addr = c.Rules, c.DSN, c.HTTP
	p, err := pipeline.New(settings, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	return (&readFlags{Profile: c.Profile}).profiled(func() error { return p.Run(ctx) })
}

// storing is a running weir that stores.
type storing struct {
	command *exec.Cmd
	http    string
}

// startStoring starts one, which logs to a file.
func startStoring(ctx context.Context, r *outageRun, rules string) (*storing, error) {
	addr, err := ports.FreeAddr()
	if err != nil {
		return nil, err
	}
	s := &storing{command: exec.CommandContext(ctx, os.Args[0], "storing", r.broker.Addr(), r.dsn, addr, "--rules", rules, "--profile", r.Profile), http: "http://" + addr}
	s.command.Stderr, s.command.Stdout = r.log, r.log
	s.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.command.Start(); err != nil {
		return nil, fmt.Errorf("start weir: %w", err)
	}
	return s, nil
}

// stop ends it in order.
func (s *storing) stop() error {
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop weir: %w", err)
	}
	return s.command.Wait()
}

// metric is the value of one of its metrics, by its whole name; 0 where it has none.
func (s *storing) metric(ctx context.Context, names ...string) (map[string]float64, error) {
	text, err := ask(ctx, s.http+"/metrics", "")
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for line := range strings.Lines(text) {
		at := strings.LastIndexByte(line, ' ')
		for _, name := range names {
			if at > 0 && line[:at] == name {
				var value float64
				if _, err := fmt.Sscan(line[at:], &value); err != nil {
					return nil, fmt.Errorf("read %s: %w", name, err)
				}
				out[name] = value
			}
		}
	}
	return out, nil
}

// stage is what its status says of the stage.
func (s *storing) stage(ctx context.Context) (out pipeline.StageStatus, err error) {
	text, err := ask(ctx, s.http+"/api/v1/status", "")
	if err != nil {
		return out, err
	}
	var status pipeline.Status
	if err := json.Unmarshal([]byte(text), &status); err != nil {
		return out, fmt.Errorf("read the status: %w", err)
	}
	if len(status.Stages) > 0 {
		out = status.Stages[0]
	}
	return out, nil
}

// askPatience bounds one question. Not smaller: cores are busy; not larger: who does not answer is found out by it.
const askPatience = 5 * time.Minute

// ask posts a body, or gets where there is none.
func ask(ctx context.Context, url, body string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s %s", url, response.Status, text)
	}
	return string(text), nil
}

// residentOf is how much memory a process holds.
func residentOf(process int) (kib int64, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process))
	if err != nil {
		return 0, fmt.Errorf("ask for a process's memory: %w", err)
	}
	_, after, found := strings.Cut(string(status), "VmRSS:")
	if !found {
		return 0, fmt.Errorf("process %d has ended", process)
	}
	_, err = fmt.Sscan(after, &kib)
	return kib, err
}
