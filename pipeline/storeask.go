package pipeline

import (
	"context"
	"fmt"

	"github.com/weirmq/weir/sink/clickhouse"
)

// askStore opens a store for a question of a command. What fails ends the question's context, where the role clickhouse would try
// again: a store that cannot be asked is an error at once.
func askStore(ctx context.Context, dsn string, question func(context.Context, *clickhouse.Store) error) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	store, err := clickhouse.Open(ctx, clickhouse.Config{DSN: dsn, OnError: fail})
	if err != nil {
		return because(ctx, "open the store", err)
	}
	defer store.Close()
	return question(ctx, store)
}

// because says why a context ended, where that is why something failed.
func because(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return fmt.Errorf("%s: %w", what, err)
}
