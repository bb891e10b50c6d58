package pipeline

import (
	"fmt"
	"log/slog"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// Shares of the memory limit.
const (
	// cgroupShare of a control group's limit is the limit of the Go runtime, where
	// GOMEMLIMIT does not say another. Not smaller: it is memory that is paid for; not
	// larger: code, and what the kernel counts, are outside of the runtime.
	cgroupShare = 0.9
	// pauseShare is how much may be live before fetching pauses. Not smaller: garbage
	// needs room too, but collections cost little up to here; not larger: what is on its
	// way is still to be folded.
	pauseShare = 0.75
	// resumeShare is how much may be live before fetching goes on. Not smaller: what was
	// parked waits for it; not larger: fetching would pause again at once.
	resumeShare = 0.6
)

// Names of what limits the memory.
const (
	limitedByVariable = "GOMEMLIMIT"
	limitedByCgroup   = "cgroup"
)

// The states of a process by its memory.
const (
	memoryUnlimited = "unlimited"
	memoryOK        = "ok"
	memoryPaused    = "paused" // nothing is fetched from weir.telemetry
	memoryParked    = "parked" // some of its sources wait until others have closed their segments
	memoryShort     = "short"  // the only source that goes on takes more than there is
)

// LimitMemory gives the Go runtime the limit of the control group that the process runs
// in, where the variable GOMEMLIMIT does not say another.
func LimitMemory(log *slog.Logger) {
	limit, err := memlimit.Set(memlimit.WithRatio(cgroupShare))
	switch {
	case err != nil:
		log.Info("memory is not limited: no control group says how much there is", "error", err)
	case limit == math.MaxInt64:
		log.Info("memory is not limited: set GOMEMLIMIT, or a limit of the control group")
	default:
		log.Info("memory is limited", "bytes", limit, "by", limitedBy())
	}
}

func limitedBy() string {
	if os.Getenv(limitedByVariable) != "" {
		return limitedByVariable
	}
	return limitedByCgroup
}

// MemoryStatus says how a process is by its memory.
type MemoryStatus struct {
	State         string    `json:"state"` // unlimited, ok, paused, parked, short
	Since         time.Time `json:"since"`
	LimitBytes    int64     `json:"limit_bytes,omitempty"` // of the Go runtime
	LimitedBy     string    `json:"limited_by,omitempty"`  // GOMEMLIMIT or cgroup
	LiveBytes     int64     `json:"live_bytes"`            // of the heap, at the newest garbage collection
	ParkedSources int       `json:"parked_sources"`
}

// memory knows how much there is, and what the stage aggregate does about it.
type memory struct {
	limit int64        // bytes; 0 for none
	live  func() int64 // bytes that a garbage collection found in use

	mu     sync.Mutex
	state  string
	since  time.Time
	parked int // sources
}

func newMemory(counted *pipelineMetrics) *memory {
	m := &memory{live: liveBytes, state: memoryUnlimited, since: time.Now().UTC()}
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		m.limit, m.state = limit, memoryOK
	}
	counted.gauge("weir_memory_limit_bytes", func() float64 { return float64(m.limit) })
	counted.gauge("weir_memory_live_bytes", func() float64 { return float64(m.live()) })
	for _, state := range []string{memoryUnlimited, memoryOK, memoryPaused, memoryParked, memoryShort} {
		counted.gauge(fmt.Sprintf("weir_memory_state{state=%q}", state), func() float64 {
			if m.status().State == state {
				return 1
			}
			return 0
		})
	}
	return m
}

// liveBytes are those of objects that the newest garbage collection found in use.
func liveBytes() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}

// collect collects garbage: with nothing fetched nothing else would.
func (m *memory) collect() { runtime.GC() }

// isShort says that so much is live that nothing more is to be fetched; hasRoom, that
// fetching may go on.
func (m *memory) isShort() bool {
	return m.limit > 0 && float64(m.live()) >= pauseShare*float64(m.limit)
}
func (m *memory) hasRoom() bool { return float64(m.live()) <= resumeShare*float64(m.limit) }

// set notes the state, and says whether it is another than before.
func (m *memory) set(state string, parked int) (changed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	changed = m.state != state
	if changed {
		m.state, m.since = state, time.Now().UTC()
	}
	m.parked = parked
	return changed
}

func (m *memory) status() MemoryStatus {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := MemoryStatus{State: m.state, Since: m.since, LimitBytes: m.limit, LiveBytes: m.live(), ParkedSources: m.parked}
	if m.limit > 0 {
		out.LimitedBy = limitedBy()
	}
	return out
}
