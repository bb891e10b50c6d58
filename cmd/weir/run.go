package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/weirmq/weir/pipeline"
)

type configFlags struct {
	Config file `help:"Configuration file; WEIR_… environment variables override it." type:"path"`
}

func (f configFlags) load() (pipeline.Config, error) {
	return pipeline.LoadConfig(string(f.Config), os.Environ())
}

type runCommand struct {
	configFlags
	Roles []string `help:"Roles of this process: collect, aggregate, rules, clickhouse, alertmanager, control. All unless given." sep:","`
}

// Help shows examples under the flags.
func (runCommand) Help() string {
	return "Examples:\n\n  weir run --config weir.yaml\n  weir run --config weir.yaml --roles aggregate,rules"
}

// load reads the configuration with the roles of the command line.
func (c *runCommand) load() (pipeline.Config, error) {
	config, err := c.configFlags.load()
	if err != nil || len(c.Roles) == 0 {
		return config, err
	}
	config.Roles = c.Roles
	return config, config.Validate()
}

// Run runs the pipeline until a signal; SIGHUP reloads the rules and what can be reloaded of the configuration.
func (c *runCommand) Run(ctx context.Context) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	pipeline.LimitMemory(log)
	p, err := pipeline.New(config, log)
	if err != nil {
		return err
	}
	p.Reread(c.load)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case <-hangups:
				_, _ = p.Reload() // logged by the pipeline
			case <-done:
				return
			}
		}
	}()
	return p.Run(ctx)
}

type configCommands struct {
	Check configCheckCommand `cmd:"" help:"Check the configuration and print it as it takes effect, secrets masked."`
}

type configCheckCommand struct{ configFlags }

// Help shows an example.
func (configCheckCommand) Help() string { return "Example:\n\n  weir config check --config weir.yaml" }

// Run prints the effective configuration.
func (c *configCheckCommand) Run() error {
	config, err := c.load()
	if err != nil {
		return err
	}
	text, err := config.MaskedYAML()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}

type topicsCommands struct {
	Create topicsCreateCommand `cmd:"" help:"Create Weir's topics, or print how."`
}

type topicsCreateCommand struct {
	configFlags
	Print bool `help:"Print kafka-topics commands instead of creating; with --json, the topics as they would be."`
	JSON  bool `help:"Print the topics as JSON, one line for each."`
}

// Help shows examples.
func (topicsCreateCommand) Help() string {
	return "Examples:\n\n  weir topics create --config weir.yaml\n  weir topics create --print"
}

// Run creates and checks the topics.
func (c *topicsCreateCommand) Run(ctx context.Context) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	if c.Print {
		return c.print(&config)
	}
	config.Kafka.CreateTopics = true
	topics, err := pipeline.EnsureTopics(ctx, &config)
	if err != nil {
		return err
	}
	for _, topic := range topics {
		if err := c.show(topic); err != nil {
			return err
		}
	}
	return nil
}

// print says how each topic would be made.
func (c *topicsCreateCommand) print(config *pipeline.Config) error {
	for _, topic := range pipeline.Topics(config) {
		if !c.JSON {
			fmt.Println(topic.Command(&config.Kafka))
			continue
		}
		line := struct {
			pipeline.Topic
			ReplicationFactor int `json:"replication_factor"` // -1: the brokers' default
		}{topic, config.Kafka.ReplicationFactor}
		if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
			return fmt.Errorf("print topic %s: %w", topic.Name, err)
		}
	}
	return nil
}

// show prints a topic as it is, and on standard error what could be better.
func (c *topicsCreateCommand) show(topic pipeline.TopicState) error {
	if c.JSON {
		if err := json.NewEncoder(os.Stdout).Encode(topic); err != nil {
			return fmt.Errorf("print topic %s: %w", topic.Name, err)
		}
		return nil
	}
	how := "was there"
	if topic.Created {
		how = "created"
	}
	fmt.Printf("%-16s %d partitions, %s\n", topic.Name, topic.Partitions, how)
	for _, text := range slices.Concat(topic.Warnings, topic.Notes) {
		fmt.Fprintln(os.Stderr, "weir:", text)
	}
	return nil
}

type versionCommand struct{}

// Help shows an example.
func (versionCommand) Help() string { return "Example:\n\n  weir version" }

// Run prints the version.
func (versionCommand) Run() error {
	_, err := fmt.Println("weir", pipeline.Version)
	return err
}
