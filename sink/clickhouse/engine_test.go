package clickhouse

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/weirmq/weir/deploy/chdb"
	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/deploy/parts"
	"github.com/weirmq/weir/deploy/ports"
)

// The test binary is the engine's process where these are set.
const (
	addrEnv = "WEIR_TEST_CLICKHOUSE_ADDR"
	dataEnv = "WEIR_TEST_CLICKHOUSE_DATA"
)

// shared is the engine that every test has a database of its own in.
var shared *engine

func TestMain(m *testing.M) {
	if os.Getenv(addrEnv) != "" {
		os.Exit(serveEngine())
	}
	os.Exit(runWithEngine(m))
}

// serveEngine is the engine's process.
func serveEngine() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	library, err := parts.ChDB()
	if err == nil {
		err = chdb.Serve(ctx, chdb.Config{Addr: os.Getenv(addrEnv), DataDir: os.Getenv(dataEnv), LibPath: library})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func runWithEngine(m *testing.M) int {
	dir, err := os.MkdirTemp("", "weir-clickhouse-test-")
	if err == nil {
		defer os.RemoveAll(dir)
		shared, err = newEngine(dir)
	}
	if err == nil {
		err = shared.start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer shared.running.Kill()
	return m.Run()
}

// engine is a ClickHouse engine in a process of its own; it may be killed and
// started again on its data and address.
type engine struct {
	addr, dir string
	running   *child.Child
}

func newEngine(dir string) (*engine, error) {
	addr, err := ports.FreeAddr() // also while it is away, and clients dial it
	if err != nil {
		return nil, err
	}
	return &engine{addr: addr, dir: dir}, nil
}

func (e *engine) start() (err error) {
	e.running, err = child.Start(context.Background(), child.Config{
		Executable: os.Args[0],
		Env:        append(os.Environ(), addrEnv+"="+e.addr, dataEnv+"="+e.dir),
		ReadyURL:   "http://" + e.addr + "/ping",
		LogWriter:  os.Stderr,
	})
	return err
}

// query runs a statement and returns its answer as tab-separated text.
func (e *engine) query(t testing.TB, database, sql string) string {
	t.Helper()
	response, err := http.Post("http://"+e.addr+"/?database="+database, "text/plain", strings.NewReader(sql))
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v %s", sql, response.Status, err, answer)
	}
	return strings.TrimSpace(string(answer))
}

var databases atomic.Int64

// database creates a database of the test's own.
func (e *engine) database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", databases.Add(1))
	e.query(t, "default", "CREATE DATABASE "+name)
	return name
}

// store is a migrated Store on a database of the test's own.
type store struct {
	*Store
	t        testing.TB
	engine   *engine
	database string
}

func newStore(t testing.TB) *store {
	t.Helper()
	database := shared.database(t)
	s := openStore(t, shared, database, nil)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func openStore(t testing.TB, e *engine, database string, onError func(error)) *store {
	t.Helper()
	opened, err := Open(t.Context(), Config{DSN: "http://" + e.addr + "/" + database, OnError: onError})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	return &store{Store: opened, t: t, engine: e, database: database}
}

func (s *store) query(sql string) string {
	s.t.Helper()
	return s.engine.query(s.t, s.database, sql)
}

// expect compares the answer to sql.
func (s *store) expect(sql, want string) {
	s.t.Helper()
	if got := s.query(sql); got != want {
		s.t.Errorf("%s\nanswers\n%s\nwant\n%s", sql, got, want)
	}
}

// read selects rows into a slice of structs.
func (s *store) read(into any, sql string) {
	s.t.Helper()
	if err := s.conn.Select(driver.Context(s.t.Context()), into, sql); err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
}

// within fails where work takes longer than the patience that a person has.
func within(t *testing.T, limit time.Duration, work func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); work() }()
	select {
	case <-done:
	case <-time.After(limit):
		t.Fatalf("not done after %s", limit)
	}
}
