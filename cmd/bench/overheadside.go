package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/kafka"
	"github.com/weirmq/weir/sdk/report"
	"github.com/weirmq/weir/sdk/rocketmq"
)

// overheadSide is the process that is measured. It sends or consumes in each way in turn, a block of messages at a time, and takes its own
// CPU time of each block: so short a time apart, the ways meet the same machine.
type overheadSide struct {
	System    string   `arg:"" enum:"kafka,rocketmq"`
	Op        string   `arg:"" enum:"send,consume"`
	Addr      string   `arg:"" help:"Of the broker, or of the name server."`
	Telemetry string   `arg:"" help:"Of the broker that has weir.telemetry."`
	Blocks    int      `help:"Of each way, after the one in which all grows warm."`
	Messages  int      `help:"Of a block."`
	Rate      int      `help:"Messages a second that are sent; 0: as fast as can be."`
	Ways      []string `help:"What is compared."`
	Profile   string   `help:"Write a CPU profile to this file."`

	reporter *report.Reporter
	unified  *weir.Client
}

// overheadSaid is what such a process says: of each way, of each block.
type overheadSaid map[string][]overheadBlock

// overheadBlock is what the messages of a block cost.
type overheadBlock struct {
	CPUNanos    float64 `json:"cpu_nanos"` // of a message
	Allocations float64 `json:"allocations"`
}

// Topics of a measurement: one that is sent to, and one that was filled before.
const (
	overheadTopic       = "overhead-sent"
	overheadFilledTopic = "overhead-filled"
	overheadResource    = "overhead"
)

// overheadPatience bounds a process. Not shorter: others use the cores, too; not longer: a consumer that is given nothing waits for it.
const overheadPatience = 5 * time.Minute

// overheadWay sends or consumes a block, and says how many messages that were: as many, or some more, where the library gives several at once.
type overheadWay interface {
	run(ctx context.Context, messages int) (int, error)
	close()
}

// Run prints what the blocks cost.
func (s *overheadSide) Run(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, overheadPatience, fmt.Errorf("it is not through after %s", overheadPatience))
	defer cancel()
	rocketmq.LogTo(quietLog())
	if err := s.open(ctx); err != nil {
		return err
	}
	var ways []overheadWay
	closeWays := func() {
		for _, way := range ways {
			way.close()
		}
		ways = nil
	}
	defer closeWays()
	for _, name := range s.Ways {
		way, err := s.way(ctx, name)
		if err != nil {
			return errors.Join(fmt.Errorf("open the way %s: %w", name, err), s.unified.Close(ctx), s.reporter.Close(ctx))
		}
		ways = append(ways, way)
	}
	var said overheadSaid
	err = (&readFlags{Profile: s.Profile}).profiled(func() (err error) {
		said, err = s.measure(ctx, ways)
		return err
	})
	closeWays()
	if err = errors.Join(err, s.close(ctx)); err != nil {
		return err
	}
	return printJSON(said)
}

// quietLog takes nothing of what the library of RocketMQ logs: it tells of every connection, and asks for topics before they are known, as of
// errors. What fails for good is returned.
func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

// measure runs a block of each way in turn, in another order each time.
func (s *overheadSide) measure(ctx context.Context, ways []overheadWay) (overheadSaid, error) {
	said := overheadSaid{}
	for block := range s.Blocks + 1 {
		for i := range ways {
			at := (i + block) % len(ways)
			heap, cpu := heapUsed(), ownCPU()
			count, err := ways[at].run(ctx, s.Messages)
			if err != nil {
				return nil, fmt.Errorf("the way %s: %w", s.Ways[at], err)
			}
			if block == 0 {
				continue
			}
			one := overheadBlock{float64(ownCPU()-cpu) / float64(count), float64(heapUsed().mallocs-heap.mallocs) / float64(count)}
			said[s.Ways[at]] = append(said[s.Ways[at]], one)
		}
	}
	return said, nil
}

// A process that needs less than a part of its time is idle. Not shorter: a broker that is busy answers late; not longer: there are hundreds
// of blocks. A fetch that comes then needs a third of it at least, and what idle clients need is a hundredth.
const (
	idleEach = 20 * time.Millisecond
	idleCPU  = time.Millisecond
)

// settle waits until the libraries have done what they do in the background after a block: they fetch what is consumed next. So a block
// begins and ends with the same in their buffers.
func settle(ctx context.Context) error {
	for before := ownCPU(); ; {
		if err := sleepUntil(ctx, time.Now().Add(idleEach)); err != nil {
			return err
		}
		after := ownCPU()
		if after-before < idleCPU {
			return nil
		}
		before = after
	}
}

// ownCPU is the CPU time of this process, user and system.
func ownCPU() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		panic(err) // it fails for bad arguments alone
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// open opens what reports. It goes on as an application's does by default, and for all ways: what it needs in a second is that of some
// hundred messages.
func (s *overheadSide) open(ctx context.Context) (err error) {
	s.reporter, err = report.Open(report.Config{TelemetryBrokers: []string{s.Telemetry}, Env: "bench", Cluster: "bench"})
	if err != nil {
		return err
	}
	topic := overheadTopic
	if s.Op == opConsume {
		topic = overheadFilledTopic
	}
	s.unified, err = weir.Open(ctx, weir.Config{Env: "bench", Reporter: s.reporter, Systems: []weir.System{kafka.System(), rocketmq.System()},
		Directory: weir.Routes(weir.Route{ID: overheadResource, System: s.System, Cluster: "bench", Endpoints: []string{s.Addr}, Topic: topic})})
	if err != nil {
		return errors.Join(err, s.reporter.Close(ctx))
	}
	return nil
}

// close sends the last report. One that is dropped, or none, would be a cost that is not measured.
func (s *overheadSide) close(ctx context.Context) error {
	if err := errors.Join(s.unified.Close(ctx), s.reporter.Close(ctx)); err != nil {
		return err
	}
	if stats := s.reporter.Stats(); stats.Acknowledged == 0 || stats.Dropped > 0 || stats.Recovered > 0 {
		return fmt.Errorf("the SDK says %+v: reports are to be acknowledged, and none dropped", stats)
	}
	return nil
}

// way opens one of the ways.
func (s *overheadSide) way(ctx context.Context, name string) (overheadWay, error) {
	if s.Op == opConsume {
		return s.receiver(ctx, name)
	}
	return s.sender(name)
}
