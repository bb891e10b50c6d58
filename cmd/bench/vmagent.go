package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weirmq/weir/deploy/ports"
)

// vmagent is a running one, on the measured core, as it comes: no option that does not
// say where to read and write.
type vmagent struct {
	addr    string
	folder  string
	process *exec.Cmd
}

// agentPatience bounds a start.
const agentPatience = 30 * time.Second

func startVMAgent(ctx context.Context, c *rivalCommand, sink string) (*vmagent, error) {
	folder, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return nil, fmt.Errorf("start vmagent: %w", err)
	}
	config := filepath.Join(folder, "aggregation.yaml")
	text := fmt.Sprintf("- interval: %s\n  outputs: [%s]\n", c.Interval, strings.Join(c.Kind.outputs(), ", "))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("start vmagent: %w", err)
	}
	addr, err := ports.FreeAddr()
	if err != nil {
		return nil, err
	}
	v := &vmagent{addr: addr, folder: folder, process: exec.CommandContext(ctx, "taskset", "-c", measuredCore, c.VMAgent,
		"-httpListenAddr="+addr, "-remoteWrite.url=http://"+sink+"/api/v1/write", "-remoteWrite.tmpDataPath="+filepath.Join(folder, "queue"),
		"-streamAggr.config="+config, "-loggerLevel=WARN")}
	v.process.Env = append(os.Environ(), "GOMAXPROCS=1")
	v.process.Stderr = os.Stderr
	if err := v.process.Start(); err != nil {
		return nil, fmt.Errorf("start vmagent: %w", err)
	}
	if err := v.ready(ctx); err != nil {
		v.stop()
		return nil, err
	}
	return v, nil
}

func (v *vmagent) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, agentPatience)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+v.addr+"/health", nil)
		if err != nil {
			return fmt.Errorf("start vmagent: %w", err)
		}
		answer, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = answer.Body.Close()
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("start vmagent: it does not answer: %w", err)
		}
	}
}

func (v *vmagent) stop() {
	_ = v.process.Process.Kill()
	_ = v.process.Wait()
	_ = os.RemoveAll(v.folder)
}

// cpuNanos is its CPU time, user and system: what getrusage says in the process itself.
func (v *vmagent) cpuNanos() (int64, error) {
	// The number of a process's clock, see clock_getcpuclockid(3).
	const processClock, pidShift = 2, 3
	var at unix.Timespec
	if err := unix.ClockGettime(^int32(v.process.Process.Pid)<<pidShift|processClock, &at); err != nil {
		return 0, fmt.Errorf("ask for vmagent's CPU time: %w", err)
	}
	return at.Nano(), nil
}

var memoryLines = regexp.MustCompile(`(?m)^Vm(HWM|RSS):\s+(\d+) kB$`)

// memory is its resident memory in KiB, the most so far and now. The most that wait4
// tells would begin with that of the process which started it.
func (v *vmagent) memory() (most, now int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", v.process.Process.Pid))
	if err != nil {
		return 0, 0, fmt.Errorf("ask for vmagent's memory: %w", err)
	}
	for _, line := range memoryLines.FindAllSubmatch(text, -1) {
		value, err := strconv.ParseInt(string(line[2]), 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("ask for vmagent's memory: %w", err)
		}
		if string(line[1]) == "HWM" {
			most = value
		} else {
			now = value
		}
	}
	return most, now, nil
}
