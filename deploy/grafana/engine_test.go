package grafana_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/weirmq/weir/deploy/chdb"
	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/deploy/grafana/proof"
	"github.com/weirmq/weir/deploy/parts"
)

// The test binary is the engine's process where these are set.
const (
	addrEnv = "WEIR_TEST_CLICKHOUSE_ADDR"
	dataEnv = "WEIR_TEST_CLICKHOUSE_DATA"
)

func TestMain(m *testing.M) {
	if os.Getenv(addrEnv) != "" {
		os.Exit(serveEngine())
	}
	os.Exit(m.Run())
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

// startEngine starts a ClickHouse engine in a process of its own, until the test ends.
func startEngine(t *testing.T) proof.Engine {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	running, err := child.Start(t.Context(), child.Config{Executable: os.Args[0], LogWriter: os.Stderr, ReadyURL: "http://" + addr + "/ping",
		Env: append(os.Environ(), addrEnv+"="+addr, dataEnv+"="+t.TempDir())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.Kill)
	return proof.Engine{URL: "http://" + addr, Database: "default"}
}
