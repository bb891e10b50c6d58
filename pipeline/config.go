// Package pipeline wires the stages of Weir: it alone knows Kafka's topics, groups
// and commits, and it alone sees every stage.
//
// In: a Config. Out: running stages, each a consumer group of its own, and an HTTP
// server that shows them. A stage that fails is started again after a pause; the
// others go on.
package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/weirmq/weir/aggregate"
)

// Config is the whole of weir.yaml.
type Config struct {
	Kafka        KafkaConfig        `yaml:"kafka"`
	Telemetry    TelemetryConfig    `yaml:"telemetry"`
	Rules        RulesConfig        `yaml:"rules"`
	ClickHouse   ClickHouseConfig   `yaml:"clickhouse"`
	Alertmanager AlertmanagerConfig `yaml:"alertmanager"`
	Inspection   InspectionConfig   `yaml:"inspection"`
	HTTP         HTTPConfig         `yaml:"http"`
	Grafana      GrafanaConfig      `yaml:"grafana"`
	Collect      CollectConfig      `yaml:"collect"`
	Control      ControlConfig      `yaml:"control"`
	Roles        []string           `yaml:"roles"`

	origin origin
}

// KafkaConfig says how to reach the cluster that holds Weir's topics.
type KafkaConfig struct {
	Brokers []string   `yaml:"brokers"`
	TLS     TLSConfig  `yaml:"tls"`
	SASL    SASLConfig `yaml:"sasl"`
	// ReplicationFactor of topics that Weir creates; -1 is the broker's default.
	ReplicationFactor int `yaml:"replication_factor"`
	// CreateTopics creates missing topics at start.
	CreateTopics bool `yaml:"create_topics"`
}

// TLSConfig turns TLS on; empty files mean the system's authorities and no client certificate.
type TLSConfig struct {
	Enabled  bool   `yaml:"enabled"`
	CAFile   string `yaml:"ca_file"`
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

// SASLConfig authenticates to Kafka. Mechanism is empty, or one of saslMechanisms.
type SASLConfig struct {
	Mechanism    string `yaml:"mechanism"`
	User         string `yaml:"user"`
	Password     string `yaml:"password" secret:"true"`
	PasswordFile string `yaml:"password_file"`
	// Of OAUTHBEARER: a file that holds a token, or an endpoint that gives User one for Password, with a scope.
	TokenFile string `yaml:"token_file"`
	TokenURL  string `yaml:"token_url"`
	Scope     string `yaml:"scope"`
}

// TelemetryConfig holds what the fold depends on, and the partitions of new topics.
type TelemetryConfig struct {
	Pane           time.Duration `yaml:"pane"`
	Tolerance      time.Duration `yaml:"tolerance"`
	MaxSeries      int           `yaml:"max_series"`
	MaxTopicSeries int           `yaml:"max_topic_series"`
	Lateness       time.Duration `yaml:"lateness"`
	Partitions     int           `yaml:"partitions"`
}

// RulesConfig names the folder of rule files.
type RulesConfig struct {
	Dir string `yaml:"dir"`
}

// AlertmanagerConfig names every Alertmanager instance; each gets every alert.
type AlertmanagerConfig struct {
	URLs []string `yaml:"urls" secret:"dsn"`
	// ExternalURL is where people reach Weir's status page.
	ExternalURL string        `yaml:"external_url"`
	ResendDelay time.Duration `yaml:"resend_delay"`
}

// InspectionConfig says when days are inspected.
type InspectionConfig struct {
	// At is the time of day in UTC at which the day before is inspected, as 06:00.
	At string `yaml:"at"`
}

// HTTPConfig is where metrics, API and status page are, and who may see them.
type HTTPConfig struct {
	Addr string `yaml:"addr"`
	// TLSCertFile and TLSKeyFile turn TLS on.
	TLSCertFile string `yaml:"tls_cert_file"`
	TLSKeyFile  string `yaml:"tls_key_file"`
	// Token, or what TokenFile holds, must come with every request but for health.
	Token     string `yaml:"token" secret:"true"`
	TokenFile string `yaml:"token_file"`
}

// GrafanaConfig is where alerts lead to.
type GrafanaConfig struct {
	// DashboardURL is of a dashboard whose variables are named as labels; "" for none.
	DashboardURL string `yaml:"dashboard_url"`
}

// ControlConfig says where commands and routes come from, and who may write them over HTTP.
type ControlConfig struct {
	// Dir is the folder of files of commands and routes.
	Dir string `yaml:"dir"`
	// Prune has what no file has any more taken away, of what files made.
	Prune bool `yaml:"prune"`
	// WritersFile names who may write over HTTP: a line for each, with a name and the SHA-256 of a token. Empty: nobody.
	WritersFile string `yaml:"writers_file"`
	// Actions says what rules may ask.
	Actions ActionsConfig `yaml:"actions"`
}

// The roles of a process.
const (
	RoleAggregate    = "aggregate"
	RoleRules        = "rules"
	RoleClickHouse   = "clickhouse"
	RoleAlertmanager = "alertmanager"
	RoleCollect      = "collect"
	RoleControl      = "control"
)

// AllRoles is every role, in the order of the flow.
var AllRoles = []string{RoleCollect, RoleAggregate, RoleRules, RoleClickHouse, RoleAlertmanager, RoleControl}

// Defaults of Config.
const (
	// Loopback, so that nothing is open to a network unasked.
	DefaultHTTPAddr = "127.0.0.1:8686"
	// Not smaller: each partition is a unit of scaling; not larger: each open
	// segment takes memory.
	DefaultPartitions = 8
	// Not smaller: the largest fleets spread their reports over thousands; not larger:
	// four topics have as many, and brokers serve some thousand partitions each, so that
	// a slip of the pen would make a cluster unusable.
	maxPartitions = 10_000
	// Not smaller: every resend costs a post; not larger: Alertmanager expires what
	// it does not hear of for 4 of them. Prometheus has the same default.
	DefaultResendDelay = time.Minute
)

// DefaultConfig returns the configuration that an empty file stands for.
func DefaultConfig() Config {
	p := aggregate.DefaultParameters()
	return Config{
		Kafka:        KafkaConfig{Brokers: []string{"127.0.0.1:9092"}, ReplicationFactor: -1, CreateTopics: true},
		Telemetry:    TelemetryConfig{p.Pane, p.Tolerance, p.MaxSeries, p.MaxTopicSeries, aggregate.DefaultLateness, DefaultPartitions},
		Rules:        RulesConfig{Dir: "rules.d"},
		ClickHouse:   ClickHouseConfig{DSN: "http://127.0.0.1:8123/default", Retention: RetentionConfig{Tiers: []TierRetentionConfig{}}},
		Alertmanager: AlertmanagerConfig{URLs: []string{"http://127.0.0.1:9093"}, ExternalURL: "http://" + DefaultHTTPAddr, ResendDelay: DefaultResendDelay},
		Inspection:   InspectionConfig{At: DefaultInspectionAt},
		HTTP:         HTTPConfig{Addr: DefaultHTTPAddr},
		Collect:      CollectConfig{Clusters: []ClusterConfig{}},
		Control:      ControlConfig{Dir: "control.d", Prune: true, Actions: defaultActions()},
		Roles:        AllRoles,
	}
}

// LoadConfig reads a file over the defaults, then WEIR_… variables of environ over
// that. An empty path reads no file. Unknown keys and variables are errors, and each
// fault says its place: file and line, or variable.
func LoadConfig(path string, environ []string) (Config, error) {
	config := DefaultConfig()
	var document yaml.Node
	if path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return config, fmt.Errorf("read the configuration: %w", err)
		}
		decoder := yaml.NewDecoder(bytes.NewReader(text))
		if err := decoder.Decode(&document); err != nil && !errors.Is(err, io.EOF) {
			return config, explainSyntax(path, string(text), err)
		}
		if err := decodeConfig(path, &document, &config); err != nil {
			return config, err
		}
		var more yaml.Node
		if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
			return config, fmt.Errorf("%s holds more than one document: remove the lines from the second --- on", path)
		}
	}
	config.origin = origin{loaded: true, path: path, document: &document, variables: variablesIn(environ)}
	if err := overrideFromEnvironment(&config, environ); err != nil {
		return config, err
	}
	var faults []error
	for _, fault := range config.faults() {
		faults = append(faults, fmt.Errorf("%s%w", placeOf(fault.key, path, &document, environ), fault))
	}
	return config, errors.Join(faults...)
}

// Parameters are what the fold depends on.
func (c *Config) Parameters() aggregate.Parameters {
	t := &c.Telemetry
	return aggregate.Parameters{Pane: t.Pane, Tolerance: t.Tolerance, MaxSeries: t.MaxSeries, MaxTopicSeries: t.MaxTopicSeries}
}

// Has says whether the process has a role.
func (c *Config) Has(role string) bool { return slices.Contains(c.Roles, role) }
