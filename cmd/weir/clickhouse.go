package main

import (
	"context"
	"fmt"

	"github.com/weirmq/weir/deploy/chdb"
	"github.com/weirmq/weir/deploy/parts"
)

type clickhouseCommand struct {
	Addr string `help:"Address of the HTTP interface." default:"127.0.0.1:8123"`
	Data string `help:"Folder for the data; one process at a time may use it." default:"weir-clickhouse" type:"path"`
}

// Help shows an example.
func (clickhouseCommand) Help() string {
	return "Example:\n\n  weir clickhouse --addr 127.0.0.1:8123 --data ./weir-clickhouse\n\n" +
		"Then ask it: curl '127.0.0.1:8123/?query=SELECT+version()'"
}

// Run serves until a signal.
func (c *clickhouseCommand) Run(ctx context.Context) error {
	library, err := parts.ChDB()
	if err != nil {
		return err
	}
	return chdb.Serve(ctx, chdb.Config{Addr: c.Addr, DataDir: c.Data, LibPath: library,
		Listening: func(addr string) { fmt.Println("ClickHouse's HTTP interface listens on", addr) }})
}
