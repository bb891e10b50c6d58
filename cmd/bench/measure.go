package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/metrics"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// result is what one process measured.
type result struct {
	Addr    string `json:"addr,omitempty"` // of the broker
	Records int    `json:"records,omitempty"`
	Seen    int    `json:"seen,omitempty"` // records, those before CPU time counted too
	// Offsets that are next to be read, by partition; what was before is written too.
	Offsets  map[int32]int64 `json:"offsets,omitempty"`
	CPUNanos int64           `json:"cpu_nanos,omitempty"`
	MaxRSS   int64           `json:"max_rss_kib,omitempty"`
	IdleRSS  int64           `json:"idle_rss_kib,omitempty"` // before anything was read
	Mallocs  uint64          `json:"mallocs,omitempty"`
	GCNanos  int64           `json:"gc_nanos,omitempty"` // CPU time of the garbage collector
	// From the start of a process until it was through its records, and until it had the first.
	WallNanos  int64 `json:"wall_nanos,omitempty"`
	FirstNanos int64 `json:"first_nanos,omitempty"`
}

// perRecord is a sum's share of one record.
func (r result) perRecord(sum int64) float64 { return float64(sum) / float64(r.Records) }

func (r result) print() error { return printJSON(r) }

func printJSON(what any) error {
	if err := json.NewEncoder(os.Stdout).Encode(what); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}

// printFigures has measure print lines for people as they are known, or prints all of them as JSON and nothing else.
func printFigures[figure any](name string, asJSON bool, measure func(io.Writer) ([]figure, error)) error {
	out := io.Writer(os.Stdout)
	if asJSON {
		out = io.Discard
	}
	figures, err := measure(out)
	if err != nil || !asJSON {
		return err
	}
	return printJSON(map[string]any{"machine": machine(), "versions": versions(), name: figures})
}

// cpuNanos is the CPU time of this process, user and system, and the most memory it
// held. The kernel's own maximum counts what the parent held before it started this one.
func cpuNanos() (nanos, maxRSSKiB int64, err error) {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0, 0, fmt.Errorf("ask for CPU time: %w", err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, 0, fmt.Errorf("ask for memory: %w", err)
	}
	if _, after, found := strings.Cut(string(status), "VmHWM:"); found {
		_, err = fmt.Sscan(after, &maxRSSKiB)
	}
	return usage.Utime.Nano() + usage.Stime.Nano(), maxRSSKiB, err
}

// stopwatch takes CPU time from when each series was seen once: a stage that runs for
// weeks meets most series again.
type stopwatch struct {
	warm   int // records
	start  time.Time
	first  time.Time // record read
	began  int       // records, 0 before
	before int64
	heap   heapUse
}

// heapUse is what a process has allocated and collected.
type heapUse struct {
	mallocs uint64
	gcNanos int64
}

func heapUsed() heapUse {
	samples := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}, {Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/cpu/classes/gc/mark/idle:cpu-seconds"}}
	metrics.Read(samples)
	return heapUse{samples[0].Value.Uint64(), int64((samples[1].Value.Float64() - samples[2].Value.Float64()) * 1e9)}
}

// see says how many records were read.
func (s *stopwatch) see(records int) error {
	if records > 0 && s.first.IsZero() {
		s.first = time.Now()
	}
	if s.began > 0 || records < s.warm {
		return nil
	}
	var err error
	s.began = records
	s.before, _, err = cpuNanos()
	s.heap = heapUsed()
	return err
}

// print prints the CPU time since.
func (s *stopwatch) print(records int) error {
	after, rss, err := cpuNanos()
	if err != nil {
		return err
	}
	heap := heapUsed()
	return result{Records: records - s.began, Seen: records, CPUNanos: after - s.before, MaxRSS: rss,
		Mallocs: heap.mallocs - s.heap.mallocs, GCNanos: heap.gcNanos - s.heap.gcNanos,
		WallNanos: int64(time.Since(s.start)), FirstNanos: int64(s.first.Sub(s.start))}.print()
}
