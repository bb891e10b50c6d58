package chdb

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

const (
	// maxStatementBytes bounds SQL text. Below 1 MiB inserts with their rows in the text are refused; the text is
	// held in memory by every query, so above 256 MiB a few of them exhaust a small machine.
	maxStatementBytes = 64 << 20
	// maxInsertBytes bounds the rows of one insert after decompression; they go through a file. Below 64 MiB a batch
	// of 100,000 wide rows is refused; above 4 GiB one insert can fill a small disk.
	maxInsertBytes = 1 << 30
	// maxQueries is how many queries run at once; further ones wait. Below 4 a slow dashboard holds up the inserts;
	// above 32 their memory adds up to more than a laptop has.
	maxQueries = 8
	// headerTimeout is how long a client may take to send a request's head. Below 1 s a busy machine's clients are cut
	// off; above a minute dead connections pile up.
	headerTimeout = 10 * time.Second
	// drainTimeout is how long running queries may take to end at shutdown; then they are cancelled. Below 1 s every insert
	// under way fails; above 30 s a stop seems stuck. A server of ClickHouse waits as long (shutdown_wait_unfinished).
	drainTimeout = 5 * time.Second
	// cancelTimeout is how long queries may take to end that were cancelled: they look at the end of each block. Below 5 s
	// one on a busy machine is not yet there; above a minute whoever stops the process kills it anyway.
	cancelTimeout = 30 * time.Second
)

// scratchFolder, in the data folder, holds the rows of inserts under way.
const scratchFolder = "weir-inserts"

// Config says where the engine listens and keeps its data.
type Config struct {
	Addr    string // host:port of the HTTP interface
	DataDir string // the engine's folder, created where it is missing; one process at a time may use it
	LibPath string // path of libchdb.so
	// Listening, where it is not nil, is told once the address that answers: with port 0, the port that was free.
	Listening func(addr string)
}

// Serve runs the engine and its HTTP interface until ctx ends, then lets running queries finish, or cancels them where
// that takes long: the engine runs on with a query whose client has gone. The error says that
// the library cannot be loaded, the data not be opened or the address not be listened on. One call per process.
func Serve(ctx context.Context, config Config) error {
	dataDir, err := filepath.Abs(config.DataDir)
	if err != nil {
		return fmt.Errorf("find the data folder %s: %w", config.DataDir, err)
	}
	if err := os.MkdirAll(dataDir, 0o750); err != nil {
		return fmt.Errorf("create the data folder: %w", err)
	}
	engine, err := load(config.LibPath)
	if err != nil {
		return err
	}
	keeper, err := engine.open(dataDir) // holds the data open between requests
	if err != nil {
		return err
	}
	defer keeper.close()
	scratch := filepath.Join(dataDir, scratchFolder)
	if err := errors.Join(os.RemoveAll(scratch), os.Mkdir(scratch, 0o750)); err != nil { // what a killed process left
		return fmt.Errorf("create a folder for inserts: %w", err)
	}
	defer os.RemoveAll(scratch)

	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", config.Addr)
	if err != nil {
		return fmt.Errorf("listen for SQL: %w; choose a free address, or port 0 for any", err)
	}
	if config.Listening != nil {
		config.Listening(listener.Addr().String())
	}
	handler := &handler{engine: engine, dataDir: dataDir, scratch: scratch, slots: make(chan struct{}, maxQueries)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ping", ping)
	mux.Handle("/", handler)
	// No web page that a browser happens to show may send SQL to this port.
	guarded := http.NewCrossOriginProtection().Handler(mux)
	return serve(ctx, &http.Server{Handler: guarded, ReadHeaderTimeout: headerTimeout}, listener, handler.cancelAll)
}

// serve runs the server until ctx ends; cancelAll ends the queries that are still running some time after.
func serve(ctx context.Context, server *http.Server, listener net.Listener, cancelAll func() error) error {
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve SQL: %w", err)
	case <-ctx.Done():
	}
	err := shutdown(ctx, server, drainTimeout)
	if err != nil {
		err = errors.Join(cancelAll(), shutdown(ctx, server, cancelTimeout))
	}
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		return fmt.Errorf("serve SQL: %w", served)
	}
	if err != nil {
		return fmt.Errorf("stop serving SQL: %w; queries were still running after %s", err, drainTimeout+cancelTimeout)
	}
	return nil
}

// shutdown waits for the end of requests under way.
func shutdown(ctx context.Context, server *http.Server, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	return server.Shutdown(ctx)
}

// ping answers as a ClickHouse server does.
func ping(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("Ok.\n")) }
