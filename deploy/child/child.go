// Package child runs a program as a child process that never outlives its parent: it is started, awaited until it
// answers over HTTP, and stopped by SIGTERM, then SIGKILL. Where the parent dies without a word the kernel kills it.
package child

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

const (
	// DefaultReadyTimeout is how long a child may take to answer. Below 10 s a cold disk under a 566 MB library is
	// taken for a fault; above a minute a person waits in vain for a child that will never come.
	DefaultReadyTimeout = 45 * time.Second
	// readyInterval is the pause between two questions whether the child is ready. Below 10 ms the questions load
	// the starting child; above 200 ms every start is visibly slower.
	readyInterval = 50 * time.Millisecond
	// readyProbeTimeout bounds one question. Below 0.5 s a busy child never answers in time; above 5 s one lost
	// answer costs a good part of DefaultReadyTimeout.
	readyProbeTimeout = 2 * time.Second
)

// ErrKilled says that a child had to be killed.
var ErrKilled = errors.New("killed, it did not end on SIGTERM in time")

// Config says what to run and how to know that it runs.
type Config struct {
	Executable string        // path of the program
	Args       []string      // its arguments, without the program's name
	Env        []string      // its environment as KEY=value; nil is the parent's
	ReadyURL   string        // answers 200 once the child is ready; empty: ready as soon as it runs
	Ready      func() bool   // a further condition, asked after ReadyURL; nil: none
	Timeout    time.Duration // how long it may take to be ready; 0 is DefaultReadyTimeout
	LogWriter  io.Writer     // gets its stdout and stderr; nil discards them
}

// Child is a running program. Its methods may be called from any goroutine.
type Child struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // how it ended; read after done
}

// Start runs the program and returns when it is ready. ctx bounds the start only; the child lives until Stop, Kill
// or its own end. On an error nothing is left running.
func Start(ctx context.Context, config Config) (*Child, error) {
	c := &Child{cmd: exec.Command(config.Executable, config.Args...), done: make(chan struct{})}
	c.cmd.Env = config.Env
	c.cmd.Stdout, c.cmd.Stderr = config.LogWriter, config.LogWriter
	// A group of its own: Ctrl-C in a terminal reaches the parent, which stops its children in order.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error, 1)
	go c.own(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", config.Executable, err)
	}
	if err := c.awaitReady(ctx, config); err != nil {
		c.Kill()
		return nil, fmt.Errorf("wait for %s: %w", config.Executable, err)
	}
	return c, nil
}

// own starts the program and waits for its end. Pdeathsig fires when the thread that created the child dies, so
// this goroutine keeps its thread for the child's whole life.
func (c *Child) own(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(c.done)
	err := c.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	c.err = c.cmd.Wait()
}

// awaitReady returns nil once the child is ready.
func (c *Child) awaitReady(ctx context.Context, config Config) error {
	timeout := config.Timeout
	if timeout == 0 {
		timeout = DefaultReadyTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("not ready after %s", timeout))
	defer cancel()
	ticker := time.NewTicker(readyInterval)
	defer ticker.Stop()
	for {
		if answers(ctx, config.ReadyURL) && (config.Ready == nil || config.Ready()) {
			return nil
		}
		select {
		case <-c.done:
			return fmt.Errorf("it ended before it was ready: %w; its log says why", exitError(c.err))
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// answers says whether url answers 200; an empty url always does.
func answers(ctx context.Context, url string) bool {
	if url == "" {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, readyProbeTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// exitError is err, or the words for an end without an error.
func exitError(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// PID is the child's process id.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// Done is closed when the child has ended, for whatever reason.
func (c *Child) Done() <-chan struct{} { return c.done }

// Wait returns when the child has ended: nil for exit status 0, else the *exec.ExitError.
func (c *Child) Wait() error {
	<-c.done
	return c.err
}

// Stop asks the child to end with SIGTERM and waits; where ctx ends first it is killed. The error is ErrKilled then;
// either way it has ended when Stop returns. Stopping an ended child is no error.
func (c *Child) Stop(ctx context.Context) error {
	select {
	case <-c.done:
		return nil
	default:
	}
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // fails only where the child has just ended
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		c.Kill()
		return fmt.Errorf("stop %s: %w: %w", c.cmd.Path, ErrKilled, ctx.Err())
	}
}

// Kill ends the child with SIGKILL and returns when it has ended.
func (c *Child) Kill() {
	_ = c.cmd.Process.Kill() // fails only where the child has ended
	<-c.done
}
