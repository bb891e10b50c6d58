package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// rivalCommand feeds the log's reports to vmagent and takes its CPU time and memory.
type rivalCommand struct {
	VMAgent  string        `arg:""`
	Kind     eventKind     `arg:""`
	Series   int           `arg:""`
	Windows  int           `arg:""`
	Interval time.Duration `arg:""`
}

// rivalResult is what came of it.
type rivalResult struct {
	result
	Late string `json:"late,omitempty"` // why nothing did
}

// feed is the reports as vmagent gets them, and what it should make of them.
type feed struct {
	windows [][][]byte // requests
	sums    []float64  // of all values up to each window's end
	series  map[string]int32
	want    *totals
}

// errLate is that a window's samples did not get in before vmagent ended the window.
var errLate = errors.New("a window's samples did not get into it in time")

// newFeed encodes everything before the start, so that vmagent does not wait for it.
func (c *rivalCommand) newFeed() *feed {
	f := &feed{series: map[string]int32{}, want: newTotals()}
	reports := newReports(c.Series, c.Kind)
	labels := make([][]byte, c.Series)
	for i := range labels {
		labels[i] = encodeLabels(&reports.template[i].Labels)
		f.series[string(labels[i])] = int32(i)
	}
	encoded, now := newBlocks(), time.Now().UnixMilli()
	var samples []sample
	for window := range c.Windows {
		for i := range c.Series * reportsPerWindow {
			report := reports.report(window*c.Series*reportsPerWindow + i)
			series := i % c.Series
			samples = c.Kind.samples(samples[:0], report)
			for _, s := range samples {
				encoded.add(labels[series], s, now)
				f.want.expect(c.Kind, totalKey{series: int32(series), window: int32(window)}, s)
			}
		}
		for i := range c.Series {
			f.want.carry(int32(i), int32(window))
		}
		encoded.cut()
		f.windows, f.sums = append(f.windows, encoded.done), append(f.sums, f.want.sum)
		encoded.done = nil
	}
	return f
}

// Run prints the result once every total is known to be right.
func (c *rivalCommand) Run(ctx context.Context) error {
	f := c.newFeed()
	sink := &rivalSink{interval: c.Interval, series: f.series}
	listener, err := sink.listen()
	if err != nil {
		return err
	}
	defer listener.Close()
	agent, err := startVMAgent(ctx, c, sink.addr)
	if err != nil {
		return err
	}
	defer agent.stop()
	measured, err := c.measure(ctx, f, sink, agent)
	if errors.Is(err, errLate) {
		return printJSON(rivalResult{Late: err.Error()})
	}
	if err != nil {
		return err
	}
	if err := sink.compare(f.want); err != nil {
		return err
	}
	return printJSON(rivalResult{result: measured})
}

// measure takes the CPU time from when the first window's last total came until the
// last one's did.
func (c *rivalCommand) measure(ctx context.Context, f *feed, sink *rivalSink, agent *vmagent) (result, error) {
	r := result{Records: (c.Windows - 1) * c.Series * reportsPerWindow}
	var err error
	if _, r.IdleRSS, err = agent.memory(); err != nil {
		return r, err
	}
	// Begin with a whole window: vmagent's end at multiples of the interval.
	sink.begins = time.Now().Truncate(c.Interval).Add(c.Interval)
	if err := sleepUntil(ctx, sink.begins); err != nil {
		return r, err
	}
	var before int64
	for window, requests := range f.windows {
		ends := sink.begins.Add(time.Duration(window+1) * c.Interval)
		if err := agent.send(ctx, requests); err != nil {
			return r, err
		}
		if late := time.Since(ends); late > 0 {
			return r, fmt.Errorf("window %d took %s longer than its %s: %w", window, late.Round(time.Millisecond), c.Interval, errLate)
		}
		// vmagent writes the rest of a window's totals within a second of its end.
		if err := sink.wait(ctx, f.sums[window], ends.Add(c.Interval)); err != nil {
			return r, fmt.Errorf("window %d: %w", window, err)
		}
		if window == 0 {
			if before, err = agent.cpuNanos(); err != nil {
				return r, err
			}
		}
	}
	after, err := agent.cpuNanos()
	if err != nil {
		return r, err
	}
	r.CPUNanos = after - before
	r.MaxRSS, _, err = agent.memory()
	return r, err
}

func sleepUntil(ctx context.Context, at time.Time) error {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wait waits until the values that came add up to sum.
func (s *rivalSink) wait(ctx context.Context, sum float64, deadline time.Time) error {
	limit := time.NewTimer(time.Until(deadline))
	defer limit.Stop()
	for {
		got, err := s.sum()
		if err != nil || got == sum {
			return err
		}
		select {
		case <-s.changed:
		case <-limit.C:
			return fmt.Errorf("vmagent's totals add up to %g, want %g: %w", got, sum, errLate)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// send posts requests one after the other.
func (v *vmagent) send(ctx context.Context, requests [][]byte) error {
	for _, body := range requests {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+v.addr+"/api/v1/write", bytes.NewReader(body))
		if err != nil {
			return fmt.Errorf("write to vmagent: %w", err)
		}
		request.Header.Set("Content-Encoding", "snappy")
		request.Header.Set("Content-Type", "application/x-protobuf")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return fmt.Errorf("write to vmagent: %w", err)
		}
		said, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode/100 != 2 {
			return fmt.Errorf("write to vmagent: it answered %s: %s", answer.Status, said)
		}
	}
	return nil
}
