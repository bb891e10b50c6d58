package pipeline

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/weirmq/weir/deploy/chdb"
	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/deploy/parts"
)

// The test binary is the engine's process where these are set.
const (
	engineAddrEnv = "WEIR_TEST_PIPELINE_CLICKHOUSE_ADDR"
	engineDataEnv = "WEIR_TEST_PIPELINE_CLICKHOUSE_DATA"
)

func TestMain(m *testing.M) {
	if os.Getenv(engineAddrEnv) == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	library, err := parts.ChDB()
	if err == nil {
		err = chdb.Serve(ctx, chdb.Config{Addr: os.Getenv(engineAddrEnv), DataDir: os.Getenv(engineDataEnv), LibPath: library})
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// startEngine runs a real ClickHouse engine until the test ends, and returns its address.
func startEngine(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	running, err := child.Start(t.Context(), child.Config{Executable: os.Args[0], Env: append(os.Environ(), engineAddrEnv+"="+addr, engineDataEnv+"="+t.TempDir()),
		ReadyURL: "http://" + addr + "/ping", LogWriter: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.Kill)
	return addr
}

// askEngine runs a statement and returns its answer as tab-separated text.
func askEngine(t *testing.T, addr, sql string) string {
	t.Helper()
	response, err := http.Post("http://"+addr+"/", "text/plain", strings.NewReader(sql))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v %s", sql, response.Status, err, answer)
	}
	return strings.TrimSpace(string(answer))
}
