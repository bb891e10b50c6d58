package main

import (
	"context"
	"os"

	"github.com/weirmq/weir/pipeline"
)

type healthCommand struct {
	configFlags
	URL     address `name:"url" help:"Address of a running weir; where the configuration has its http.addr unless given."`
	Once    bool    `help:"Poll a cluster of the configuration twice, in place of asking a running weir."`
	Cluster string  `help:"Name of the cluster in collect.clusters; all unless given."`
	Kind    string  `help:"Only what is of this kind below a cluster: node, group or topic."`
	Name    string  `help:"Only what has this name, in which * stands for any text; also what is fine."`
	All     bool    `help:"Also what is fine or unknown."`
	JSON    bool    `help:"Print it as JSON."`
}

// Help shows examples and the exit codes.
func (healthCommand) Help() string {
	return "Says how clusters, nodes, groups and topics are: the worst first, each value beside its limit.\n\n" +
		"Examples:\n\n  weir health --config weir.yaml\n  weir health --url http://127.0.0.1:8686 --cluster orders --all\n" +
		"  weir health --once --config weir.yaml --cluster orders\n\n" +
		"Exits 0 when nothing is bad, 3 when something is, and 1 when nobody can be asked."
}

// Run asks and prints.
func (c *healthCommand) Run(ctx context.Context) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	bad, err := pipeline.AskHealth(ctx, &config, pipeline.HealthQuestion{URL: string(c.URL), Once: c.Once, Cluster: c.Cluster, Kind: c.Kind, Name: c.Name,
		All: c.All, JSON: c.JSON, Out: os.Stdout})
	if err == nil && bad {
		return errFaults
	}
	return err
}
