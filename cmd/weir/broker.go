package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/weirmq/weir/deploy/broker"
)

type brokerCommand struct {
	Addr string `help:"Address to listen on." default:"127.0.0.1:9092"`
	Data string `help:"Folder for the data." default:"weir-broker" type:"path"`
}

// Help shows an example.
func (brokerCommand) Help() string {
	return "Example:\n\n  weir broker --addr 127.0.0.1:9092 --data ./weir-broker\n\nOne broker without replicas: for a laptop and for tests."
}

// Run serves until a signal.
func (c *brokerCommand) Run(ctx context.Context) error {
	running, err := broker.Start(broker.Config{Addr: c.Addr, DataDir: c.Data})
	if err != nil {
		return err
	}
	fmt.Println("broker listens on", strings.Join(running.Addrs(), ","))
	<-ctx.Done()
	running.Close()
	return nil
}
