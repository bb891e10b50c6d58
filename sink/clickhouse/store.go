// Package clickhouse writes cells, the ledger and alerts to ClickHouse so that what
// is written twice counts once: every row carries the version of what it says, and
// ReplacingMergeTree keeps the highest.
package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/cenkalti/backoff/v5"
)

// Bounds of one attempt and of the pauses between attempts.
const (
	// Not smaller: a continent away takes seconds; not larger: a dead host is found out by it.
	dialTimeout = 5 * time.Second
	// Not smaller: an insert of 100,000 rows under load takes tens of seconds; not
	// larger: a hung server blocks storage for it.
	attemptTimeout = time.Minute
	// Not smaller: each dial costs round trips; not larger: a failover is noticed at the next dial only.
	connMaxLifetime = time.Minute
	// Not smaller: a server that restarts would be asked without end; not larger:
	// rows come late by it.
	minRetryPause = 200 * time.Millisecond
	maxRetryPause = 10 * time.Second
)

// maxOpenConns is what one writer and one reader need at a time.
const maxOpenConns = 4

// Config says where to write.
type Config struct {
	// DSN is http://, https:// (HTTP interface) or clickhouse:// (native protocol),
	// with user, password and database.
	DSN string
	// Cluster names the servers that the tables are on, as the server's remote_servers does; "" is one server.
	Cluster string
	// OnError hears of every failed attempt, and nil when one succeeds after failures.
	OnError func(error)
	// OnProgress hears what Migrate is about to do, and what Retain has done.
	OnProgress func(text string)
}

// Store is an open connection pool. Its methods may be called from any goroutine.
type Store struct {
	conn     driver.Conn
	ddl      driver.Conn // of statements that may take long
	config   Config
	settings driver.Settings
	encoders sync.Pool   // of *cellEncoder
	blocks   blockReader // nil where there is no DSN
	reads    readSize

	inventory sync.Mutex // of sightings
	sightings *sightings
}

// Open connects, trying until it succeeds or ctx ends. The error says that the DSN
// is wrong, or that ctx ended.
func Open(ctx context.Context, config Config) (*Store, error) {
	options, err := parseDSN(config.DSN)
	if err != nil {
		return nil, fmt.Errorf("read clickhouse.dsn: %w", err)
	}
	options.DialTimeout, options.ReadTimeout = dialTimeout, attemptTimeout
	options.ConnMaxLifetime, options.MaxOpenConns, options.MaxIdleConns = connMaxLifetime, maxOpenConns, maxOpenConns
	if config.Cluster != "" {
		options.Settings = clusterSettings(options.Settings)
	}
	blocks := newBlockReader(options)
	options.TransportFunc = refusePages
	if options.Compression == nil {
		options.Compression = &driver.Compression{Method: driver.CompressionLZ4}
	}
	conn, err := driver.Open(options)
	if err != nil {
		return nil, fmt.Errorf("open ClickHouse: %w", err)
	}
	s := NewStore(conn, config)
	s.blocks = blocks
	patient := *options
	patient.ReadTimeout, patient.MaxOpenConns, patient.MaxIdleConns = migrationTimeout, 1, 1
	if s.ddl, err = driver.Open(&patient); err != nil {
		return nil, errors.Join(fmt.Errorf("open ClickHouse: %w", err), conn.Close())
	}
	if err := s.retry(ctx, "ask for settings", s.choose); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// NewStore returns a store that writes through a connection, with the server's own
// settings. The DSN is not used, and ReadCells is not served: a connection does not give blocks.
func NewStore(conn driver.Conn, config Config) *Store {
	return &Store{conn: conn, ddl: conn, config: config, reads: readSize{maxReadRows, maxDecodedRows}, sightings: newSightings(maxSighted)}
}

// errDSN does not quote the DSN: it holds a password.
var errDSN = errors.New("want http://, https:// or clickhouse://, with user:password@host:port/database")

// CheckDSN says what is wrong with a DSN that Open would refuse, without quoting it.
func CheckDSN(dsn string) error {
	_, err := parseDSN(dsn)
	return err
}

// parseDSN reads a DSN. The driver takes any scheme for its native protocol, and
// https:// only with secure=true.
func parseDSN(dsn string) (*driver.Options, error) {
	scheme, _, _ := strings.Cut(dsn, "://")
	if !slices.Contains([]string{"http", "https", "clickhouse"}, scheme) {
		return nil, errDSN
	}
	_, query, hasQuery := strings.Cut(dsn, "?")
	parameters, err := url.ParseQuery(query)
	if err != nil {
		return nil, errDSN
	}
	if scheme == "https" && !parameters.Has("secure") {
		separator := "?"
		if hasQuery {
			separator = "&"
		}
		dsn += separator + "secure=true"
	}
	options, err := driver.ParseDSN(dsn)
	if err != nil {
		return nil, errDSN
	}
	return options, nil
}

// choose picks the settings that turn insert deduplication off: rows that differ
// under one token would be dropped silently. The name changed between releases.
func (s *Store) choose(ctx context.Context) error {
	var present uint64
	row := s.conn.QueryRow(ctx, "SELECT count() FROM system.settings WHERE name = 'deduplicate_insert'")
	if err := row.Scan(&present); err != nil {
		return err
	}
	s.settings = driver.Settings{"async_insert": 0, "insert_deduplicate": 0, mergeOnInsert: 0}
	if present > 0 {
		s.settings = driver.Settings{"async_insert": 0, "deduplicate_insert": "disable", mergeOnInsert: 0}
	}
	return nil
}

// mergeOnInsert has ClickHouse look in the rows of one insert for such that replace each other. Off: hardly any do, FINAL sees to those
// all the same, and it took more than a third of an insert's time.
const mergeOnInsert = "optimize_on_insert"

// closeLimit ends the wait for connections to close. Not less: an answer may be under way on each; not more: people wait for the end of a
// command.
const closeLimit = 5 * time.Second

// errStillOpen says that a connection was left to the end of the process.
var errStillOpen = fmt.Errorf("the driver has not closed its connections within %s", closeLimit)

// Close closes all connections, and waits closeLimit for that: the driver's pool may wait for a goroutine of its own that waits for the
// pool (clickhouse-go, issue 1990), as it does where a process stood still for a minute.
func (s *Store) Close() error {
	if s.blocks != nil {
		s.blocks.close()
	}
	closed := make(chan error, 1)
	go func() { closed <- errors.Join(s.conn.Close(), s.ddl.Close()) }()
	limit := time.NewTimer(closeLimit)
	defer limit.Stop()
	select {
	case err := <-closed:
		return err
	case <-limit.C:
		return errStillOpen
	}
}

// retry tries until it succeeds or ctx ends. Nothing is given up: a row that the
// schema refuses shows as an error until somebody mends the schema.
func (s *Store) retry(ctx context.Context, what string, attempt func(context.Context) error) error {
	return s.retryWithin(ctx, what, attemptTimeout, attempt)
}

// retryWithin bounds each attempt.
func (s *Store) retryWithin(ctx context.Context, what string, limit time.Duration, attempt func(context.Context) error) error {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = minRetryPause, maxRetryPause
	failed := false
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		bounded, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		err := explained(attempt(bounded))
		if err == nil || ctx.Err() != nil {
			return struct{}{}, err
		}
		failed = true
		s.report(fmt.Errorf("%s: %w", what, err))
		return struct{}{}, err
	}, backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(0))
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if failed {
		s.report(nil)
	}
	return nil
}

func (s *Store) report(err error) {
	if s.config.OnError != nil {
		s.config.OnError(err)
	}
}

// insert writes rows in one batch, built anew at every attempt.
func (s *Store) insert(ctx context.Context, statement string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	return s.retry(ctx, "insert", func(ctx context.Context) error {
		batch, err := s.conn.PrepareBatch(driver.Context(ctx, driver.WithSettings(s.settings)), statement)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := batch.Append(row...); err != nil {
				return errors.Join(err, batch.Abort())
			}
		}
		return batch.Send()
	})
}
