package child

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/deploy/ports"
)

// The test binary is the child: roleEnv says which one.
const roleEnv = "WEIR_CHILD_TEST_ROLE"

func TestMain(m *testing.M) {
	switch role := os.Getenv(roleEnv); role {
	case "":
		os.Exit(m.Run())
	case "server":
		handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
		_ = http.ListenAndServe(os.Getenv("ADDR"), handler)
	case "stubborn":
		ignoreTerm()
	case "parent":
		parent()
	}
	os.Exit(3)
}

// parent starts a child of its own, says its id and waits to be killed.
func parent() {
	c, err := Start(context.Background(), Config{Executable: "/bin/sleep", Args: []string{"600"}})
	if err != nil {
		os.Exit(4)
	}
	if err := os.WriteFile(os.Getenv("PIDFILE")+".new", []byte(strconv.Itoa(c.PID())), 0o600); err != nil {
		os.Exit(5)
	}
	_ = os.Rename(os.Getenv("PIDFILE")+".new", os.Getenv("PIDFILE"))
	_ = c.Wait()
}

func freeAddr(t *testing.T) string {
	t.Helper()
	addr, err := ports.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

func TestStartWaitsUntilReadyAndStops(t *testing.T) {
	addr := freeAddr(t)
	c, err := Start(t.Context(), Config{Executable: os.Args[0], Env: append(os.Environ(), roleEnv+"=server", "ADDR="+addr), ReadyURL: "http://" + addr})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	<-c.Done()
	if err := c.Stop(t.Context()); err != nil {
		t.Errorf("second stop: %v", err)
	}
}

func TestStartReportsAnEarlyEnd(t *testing.T) {
	_, err := Start(t.Context(), Config{Executable: "/bin/false", ReadyURL: "http://" + freeAddr(t)})
	if err == nil || !strings.Contains(err.Error(), "ended before it was ready") {
		t.Errorf("got %v", err)
	}
}

func TestStopKillsWhatIgnoresSIGTERM(t *testing.T) {
	ready := filepath.Join(t.TempDir(), "ready")
	c, err := Start(t.Context(), Config{
		Executable: os.Args[0],
		Env:        append(os.Environ(), roleEnv+"=stubborn", "READY="+ready),
		Ready:      func() bool { _, err := os.Stat(ready); return err == nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := c.Stop(ctx); !errors.Is(err, ErrKilled) {
		t.Errorf("stop of a stubborn child says %v, want that it was killed", err)
	}
	<-c.Done()
}

func TestChildDiesWithItsParent(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), roleEnv+"=parent", "PIDFILE="+pidFile)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	await(t, "the grandchild's id", func() bool {
		text, err := os.ReadFile(pidFile)
		if err != nil {
			return false
		}
		pid, err = strconv.Atoi(string(text))
		return err == nil
	})
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait()
	await(t, "the grandchild's end", func() bool { return !alive(pid) })
}

// alive says whether the process runs; one that nobody has reaped yet does not.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		case <-ticker.C:
		}
	}
}
