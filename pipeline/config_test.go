package pipeline

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "weir.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadConfig(t *testing.T) {
	path := writeConfig(t, "kafka:\n  brokers: [a:9092, b:9092]\ntelemetry:\n  pane: 5s\n")
	config, err := LoadConfig(path, []string{"WEIR_KAFKA_BROKERS= c:1, d:2,", "WEIR_TELEMETRY_PARTITIONS=3",
		"WEIR_KAFKA_TLS_ENABLED=true", "WEIR_ALERTMANAGER_RESEND_DELAY=30s", "HOME=/"})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(config.Kafka.Brokers, " ") != "c:1 d:2" || config.Telemetry.Partitions != 3 || !config.Kafka.TLS.Enabled ||
		config.Alertmanager.ResendDelay != 30*time.Second {
		t.Errorf("the environment does not override the file: %+v", config)
	}
	if config.Telemetry.Pane != 5*time.Second {
		t.Errorf("got pane %s, want the file's", config.Telemetry.Pane)
	}
	if config.HTTP.Addr != DefaultHTTPAddr {
		t.Errorf("got address %s, want the default", config.HTTP.Addr)
	}
}

func TestLoadConfigRefuses(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", "kafka:\n  brokers: [a:1]\n  broker: b\n", "weir.yaml:3: unknown key broker: allowed here are brokers, tls, sasl, replication_factor, create_topics"},
		{"no duration", "telemetry:\n  pane: many\n", `weir.yaml:2: telemetry.pane: got "many", want a duration such as 10s`},
		{"a duration without its unit", "telemetry: {lateness: 5}\n", `weir.yaml:1: telemetry.lateness: got "5", want a duration such as 5s`},
		{"no number", "telemetry:\n  partitions: 1.5\n", `weir.yaml:2: telemetry.partitions: got "1.5", want a whole number such as 8`},
		{"neither true nor false", "kafka:\n  tls:\n    enabled: maybe\n", `weir.yaml:3: kafka.tls.enabled: got "maybe", want true or false`},
		{"no list", "kafka:\n  brokers: a:1\n", `weir.yaml:2: kafka.brokers: got "a:1", want a list such as [127.0.0.1:9092]`},
		{"a list of sections", "kafka:\n  brokers:\n    - host: a\n", `weir.yaml:3: kafka.brokers: got keys with values, want a text such as 127.0.0.1:9092`},
		{"a list for a text", "rules: {dir: [a, b]}\n", `weir.yaml:1: rules.dir: got a list, want a text such as rules.d`},
		{"a secret as a list", "http: {token: [hunter2]}\n", `weir.yaml:1: http.token: got a list, want a text`},
		{"a secret for a list", "alertmanager: {urls: 'http://weir:hunter2@am:9093'}\n", `weir.yaml:1: alertmanager.urls: got ********, want a list such as [http://127.0.0.1:9093]`},
		{"no section", "\nkafka: a:1\n", `weir.yaml:2: kafka: got "a:1", want these keys with values: brokers, tls, sasl, replication_factor, create_topics`},
		{"no sections", "- kafka\n", `weir.yaml:1: the file: got a list, want these keys with values: kafka, telemetry, rules`},
		{"through an anchor", "telemetry: &t\n  pane: many\nrules: *t\n", "weir.yaml:2: unknown key pane: allowed here are dir"},
		{"through a merge", "telemetry: {pane: 5s}\nrules:\n  <<: {dir: [a]}\n", "weir.yaml:3: rules.dir: got a list"},
		{"key twice", "rules: {dir: a}\nrules: {dir: b}\n", `weir.yaml:2: mapping key "rules" already defined at line 1`},
		{"no YAML", "kafka: [\n", "weir.yaml:1: did not find expected node content"},
		{"another indentation", "kafka:\n  brokers: [a:1]\n tls: {}\n", "weir.yaml:3: the line is indented like none"},
		{"a colon too many", "kafka:\n  brokers: a: 1\n", "weir.yaml:2: a value has a colon with a blank behind it; put all of the value into single quotes"},
		{"a tab", "kafka:\n  brokers: [a:1]\n\ttls: {}\n", "weir.yaml:3: a tab in the indentation: YAML takes only spaces there"},
		{"a tab where a text might go on", "kafka:\n  brokers: a\n\ttls: {}\n", "weir.yaml:3: a tab in the indentation"},
		{"a tab at once", "\tkafka: {}\n", "weir.yaml:1: a tab in the indentation"},
		{"an at sign", "kafka:\n  brokers: @a\n", "weir.yaml:2: a value cannot begin with \"@\""},
		{"two documents", "roles: [rules]\n---\nroles: [aggregate]\n", "weir.yaml holds more than one document"},
		{"pane out of bounds", "telemetry: {pane: 5ms}\n", "weir.yaml:1: telemetry.pane: got 5ms: allowed are whole seconds"},
		{"no broker", "\nkafka: {brokers: []}\n", "weir.yaml:2: kafka.brokers: got none, name at least one host:port"},
		{"address without port", "kafka: {brokers: [here]}\n", `weir.yaml:1: kafka.brokers: got "here", want host:port`},
		{"partitions beyond all measure", "telemetry: {partitions: 100000000}\n", "weir.yaml:1: telemetry.partitions: got 100000000, allowed are 1 to 10000, for example 8"},
		{"unknown role", "# what it does\nroles: [aggregate, dance]\n", `weir.yaml:2: roles: got "dance", allowed are collect, aggregate, rules, clickhouse, alertmanager, control`},
		{"role twice", "roles: [rules, rules]\n", "weir.yaml:1: roles: got rules twice: remove one"},
		{"unknown mechanism", "kafka:\n  sasl:\n    user: a\n    mechanism: MAGIC\n", `weir.yaml:4: kafka.sasl.mechanism: got "MAGIC", allowed are PLAIN`},
		{"half a certificate", "kafka: {tls: {cert_file: a}}\n", "weir.yaml:1: kafka.tls.cert_file: cert_file and key_file go together"},
		{"half a server certificate", "http: {tls_cert_file: a}\n", "weir.yaml:1: http.tls_cert_file: tls_cert_file and tls_key_file go together"},
		{"two tokens", "http: {token: a, token_file: b}\n", "weir.yaml:1: http.token_file: token and token_file exclude each other"},
		{"no port to listen on", "http: {addr: here}\n", `weir.yaml:1: http.addr: got "here", want host:port`},
		{"another store", "clickhouse:\n  dsn: mysql://weir:hunter2@host:9000/db?password=hunter3\n",
			`weir.yaml:2: clickhouse.dsn: got "mysql://weir:********@host:9000/db?password=********": want http://, https:// or clickhouse://, with user:password@host:port/database`},
		{"a scheme with one slash", "clickhouse: {dsn: 'http:/weir:hunter2@host'}\n", `weir.yaml:1: clickhouse.dsn: got "********": want http://`},
		{"a query that is none", "clickhouse: {dsn: 'http://host/db?password=hunter2%zz'}\n", `weir.yaml:1: clickhouse.dsn: got "********": want http://`},
		{"a cluster that is none", "clickhouse: {cluster: \"o'brien\"}\n", `weir.yaml:1: clickhouse.cluster: got "o'brien", want a name of remote_servers`},
		{"rows for too short", "clickhouse:\n  retention:\n    rollup_10s: 1h\n", `weir.yaml:3: clickhouse.retention.rollup_10s: got "1h", allowed are whole hours from 1d to 3650d, for example 30d`},
		{"rows for ever", "clickhouse: {retention: {alerts: 36500d}}\n", `weir.yaml:1: clickhouse.retention.alerts: got "36500d", allowed are`},
		{"rows for minutes", "clickhouse: {retention: {alerts: 1d30m}}\n", `weir.yaml:1: clickhouse.retention.alerts: got "1d30m", allowed are whole hours`},
		{"a table that is none", "clickhouse: {retention: {rollup_5s: 30d}}\n", `weir.yaml:1: unknown key rollup_5s: allowed here are rollup_10s, rollup_1m`},
		{"a tier of nobody", "clickhouse: {retention: {rollup_10s: 30d, tiers: [{rollup_10s: 3d}]}}\n", `weir.yaml:1: clickhouse.retention.tiers.0.tier: got none, give one of policy.yaml, for example S4`},
		{"a tier without the others", "clickhouse: {retention: {tiers: [{tier: S4, rollup_10s: 3d}]}}\n", `weir.yaml:1: clickhouse.retention.tiers.0.rollup_10s: the rows of other tiers have no lifetime: give clickhouse.retention.rollup_10s too`},
		{"a table without tiers", "clickhouse: {retention: {tiers: [{tier: S4, alerts: 3d}]}}\n", `weir.yaml:1: unknown key alerts: allowed here are tier, rollup_10s`},
		{"minutes for shorter than panes", "clickhouse:\n  retention:\n    rollup_10s: 14d\n    rollup_1m: 7d\n",
			`weir.yaml:4: clickhouse.retention.rollup_1m: rows of rollup_1m are kept for 7d, and those of rollup_10s, which it is made of, for 14d: keep rollup_1m as long or longer`},
		{"panes for longer than minutes", "clickhouse: {retention: {rollup_10s: 90d}}\n",
			`weir.yaml:1: clickhouse.retention.rollup_10s: rows of rollup_1m are kept for 30d, and those of rollup_10s, which it is made of, for 90d: keep rollup_1m as long or longer`},
		{"no store", "clickhouse: {dsn: ''}\n", `weir.yaml:1: clickhouse.dsn: got "": want http://`},
		{"no URL", "alertmanager:\n  urls: ['am:9093']\n", "weir.yaml:2: alertmanager.urls: read Alertmanager URL 1 of 1: got a text that is not a URL"},
		{"no link", "alertmanager: {external_url: weir}\n", "weir.yaml:1: alertmanager.external_url: read the external URL: got a text that is not a URL"},
		{"no Alertmanager", "alertmanager: {urls: []}\n", "weir.yaml:1: alertmanager.urls: got none"},
		{"no delay", "alertmanager: {resend_delay: 0s}\n", "weir.yaml:1: alertmanager.resend_delay: got 0s, want more than 0s"},
		{"no dashboard", "grafana: {dashboard_url: weir}\n", `weir.yaml:1: grafana.dashboard_url: got "weir", want http:// or https:// and the dashboard's address, or nothing`},
		{"two tokens", "kafka: {sasl: {mechanism: OAUTHBEARER, token_file: a, token_url: 'https://b'}}\n", "weir.yaml:1: kafka.sasl.mechanism: OAUTHBEARER takes a token from token_file or from token_url: give one of the two"},
		{"a token for SCRAM", "kafka: {sasl: {mechanism: SCRAM-SHA-512, token_file: a}}\n", `weir.yaml:1: kafka.sasl.mechanism: got "SCRAM-SHA-512" with token_file, token_url or scope, which are of OAUTHBEARER`},
		{"a secret to anybody", "kafka: {sasl: {mechanism: OAUTHBEARER, token_url: 'http://idp:80', user: a, password: hunter2}}\n",
			`weir.yaml:1: kafka.sasl.token_url: got "http://idp:80", want https:// and the endpoint's address, since the secret goes there`},
		{"a token for nobody", "collect: {clusters: [{name: eu, system: kafka, brokers: [a:1], sasl: {mechanism: OAUTHBEARER, token_url: 'https://idp'}}]}\n",
			"weir.yaml:1: collect.clusters.0.sasl.token_url: needs user and password, or password_file"},
		{"a cluster that is no section", "collect:\n  clusters: [eu]\n", `weir.yaml:2: collect.clusters: got "eu", want these keys with values: name, env, system, brokers, name_servers, tls, sasl, acl, interval, state_spacing, offsets_only, tiers, canary`},
		{"a cluster for clusters", "collect:\n  clusters: {name: eu}\n", `weir.yaml:2: collect.clusters: got keys with values, want a list of sections with these keys: name, env`},
		{"an unknown key of a cluster", "collect:\n  clusters:\n    - name: eu\n      broker: a:1\n", "weir.yaml:4: unknown key broker: allowed here are name, env, system, brokers"},
		{"a cluster without a name", "collect:\n  clusters:\n    - {system: kafka, brokers: [a:1]}\n", "weir.yaml:3: collect.clusters.0.name: got none, give the name that the cluster has in the reports of clients"},
		{"a cluster twice", "collect:\n  clusters:\n    - {name: eu, system: kafka, brokers: [a:1]}\n    - {name: eu, system: kafka, brokers: [b:1]}\n",
			`weir.yaml:4: collect.clusters.1.name: got "eu" twice: poll a cluster once`},
		{"a cluster of another system", "collect: {clusters: [{name: eu, system: rabbitmq, brokers: [a:1]}]}\n", `weir.yaml:1: collect.clusters.0.system: got "rabbitmq", allowed are kafka and rocketmq`},
		{"a cluster without brokers", "collect: {clusters: [{name: eu, system: kafka}]}\n", "weir.yaml:1: collect.clusters.0.brokers: got none, name at least one host:port"},
		{"a cluster with half a certificate", "collect: {clusters: [{name: eu, system: kafka, brokers: [a:1], tls: {cert_file: a}}]}\n",
			"weir.yaml:1: collect.clusters.0.tls.cert_file: cert_file and key_file go together"},
		{"polls that are too rare", "collect: {clusters: [{name: eu, system: kafka, brokers: [a:1], interval: 15s}]}\n",
			"weir.yaml:1: collect.clusters.0.interval: got 15s, allowed are 500ms to 10s (telemetry.pane), and 0s for half a pane"},
		{"a tier without a name", "collect: {clusters: [{name: eu, system: kafka, brokers: [a:1], tiers: [{topics: [a]}]}]}\n",
			"weir.yaml:1: collect.clusters.0.tiers.0.tier: got none, give one of policy.yaml, for example S1"},
		{"no pattern", "collect: {clusters: [{name: eu, system: kafka, brokers: [a:1], tiers: [{tier: S1, groups: ['a[']}]}]}\n",
			`weir.yaml:1: collect.clusters.0.tiers.0: got the pattern "a[", want a name in which * stands for any text, for example orders-*`},
		{"canaries in a topic of somebody's", "collect: {clusters: [{name: eu, system: kafka, brokers: [a:1], canary: {enabled: true, topic: orders-}}]}\n",
			`weir.yaml:1: collect.clusters.0.canary.topic: got "orders-", want letters, digits, - and _ with the word canary among them`},
		{"canaries in a topic that RocketMQ cannot have", "collect: {clusters: [{name: eu, system: kafka, brokers: [a:1], canary: {topic: weir.canary}}]}\n",
			`weir.yaml:1: collect.clusters.0.canary.topic: got "weir.canary"`},
		{"canaries too often", "collect: {clusters: [{name: eu, system: kafka, brokers: [a:1], canary: {interval: 500ms}}]}\n",
			"weir.yaml:1: collect.clusters.0.canary.interval: got 500ms, allowed are 1s to 1m0s, and 0s for 10s"},
		{"canaries too seldom", "collect: {clusters: [{name: eu, system: kafka, brokers: [a:1], canary: {interval: 2m}}]}\n",
			"weir.yaml:1: collect.clusters.0.canary.interval: got 2m0s, allowed are 1s to 1m0s"},
		{"no list of tiers", "collect: {clusters: [{tiers: S1}]}\n", `weir.yaml:1: collect.clusters.tiers: got "S1", want a list of sections with these keys: tier, topics, groups`},
		{"commits that are judged too close", "collect: {clusters: [{name: eu, system: kafka, brokers: [a:1], state_spacing: 500ms}]}\n",
			"weir.yaml:1: collect.clusters.0.state_spacing: got 500ms, allowed are 1s to 5m0s, and 0s for 30s"},
		{"no interval", "collect: {clusters: [{interval: often}]}\n", `weir.yaml:1: collect.clusters.interval: got "often", want a duration such as 1m0s`},
		{"no brokers of a cluster", "collect: {clusters: [{brokers: a}]}\n", `weir.yaml:1: collect.clusters.brokers: got "a", want a list such as [a, b]`},
		{"a cluster's secret", "collect: {clusters: [{sasl: {password: [hunter2]}}]}\n", `weir.yaml:1: collect.clusters.sasl.password: got a list, want a text`},
		{"a RocketMQ cluster without name servers", "collect: {clusters: [{name: eu, system: rocketmq}]}\n", "weir.yaml:1: collect.clusters.0.name_servers: got none, name at least one host:port"},
		{"a name server without a port", "collect: {clusters: [{name: eu, system: rocketmq, name_servers: [a]}]}\n", `weir.yaml:1: collect.clusters.0.name_servers: got "a", want host:port`},
		{"brokers of RocketMQ", "collect: {clusters: [{name: eu, system: rocketmq, name_servers: [a:1], brokers: [b:1]}]}\n",
			"weir.yaml:1: collect.clusters.0.brokers: got some for a cluster of rocketmq: give name_servers in their place, which know the brokers"},
		{"SASL for RocketMQ", "collect: {clusters: [{name: eu, system: rocketmq, name_servers: [a:1], sasl: {password: hunter2}}]}\n",
			"weir.yaml:1: collect.clusters.0.sasl: got a login for a cluster of rocketmq: give acl in its place"},
		{"RocketMQ with half a certificate", "collect: {clusters: [{name: eu, system: rocketmq, name_servers: [a:1], tls: {key_file: a}}]}\n",
			"weir.yaml:1: collect.clusters.0.tls.key_file: cert_file and key_file go together"},
		{"an access key alone", "collect: {clusters: [{name: eu, system: rocketmq, name_servers: [a:1], acl: {access_key: a}}]}\n",
			"weir.yaml:1: collect.clusters.0.acl.access_key: access_key and secret_key, or secret_key_file, go together: give both or none"},
		{"a secret key alone", "collect: {clusters: [{name: eu, system: rocketmq, name_servers: [a:1], acl: {secret_key: hunter2}}]}\n",
			"weir.yaml:1: collect.clusters.0.acl.secret_key: access_key and secret_key, or secret_key_file, go together: give both or none"},
		{"name servers of Kafka", "collect: {clusters: [{name: eu, system: kafka, brokers: [a:1], name_servers: [b:1]}]}\n",
			"weir.yaml:1: collect.clusters.0.name_servers: got some for a cluster of kafka: give brokers in their place"},
		{"an access key for Kafka", "collect: {clusters: [{name: eu, system: kafka, brokers: [a:1], acl: {access_key: a, secret_key: hunter2}}]}\n",
			"weir.yaml:1: collect.clusters.0.acl: got keys for a cluster of kafka: give sasl in their place"},
		{"the first of two", "telemetry: {lateness: 2h}\nroles: [dance]\n", "weir.yaml:1: telemetry.lateness: got 2h0m0s, allowed are 0s to 1h\n"},
		{"the second of two", "telemetry: {lateness: 2h}\nroles: [dance]\n", "weir.yaml:2: roles: "},
	} {
		_, err := LoadConfig(writeConfig(t, c.text), nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q in it", c.name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: a secret is said: %v", c.name, err)
		}
	}
	if _, err := LoadConfig(writeConfig(t, "clickhouse: {dsn: ''}\nalertmanager: {urls: []}\nroles: [rules]\n"), nil); err != nil {
		t.Errorf("what a role does not need is asked for: %v", err)
	}
}

func TestVariablesThatAreRefused(t *testing.T) {
	path := writeConfig(t, "clickhouse: {dsn: 'https://host/db'}\n")
	for variable, want := range map[string]string{
		"WEIR_TELEMETRY_PARTITIONS=many":     `environment variable WEIR_TELEMETRY_PARTITIONS: telemetry.partitions: got "many", want a whole number such as 8`,
		"WEIR_TELEMETRY_PANE=10":             `environment variable WEIR_TELEMETRY_PANE: telemetry.pane: got "10", want a duration such as 10s`,
		"WEIR_KAFKA_TLS_ENABLED=on":          `environment variable WEIR_KAFKA_TLS_ENABLED: kafka.tls.enabled: got "on", want true or false`,
		"WEIR_TELEMETRY_PARTITIONS=0":        "environment variable WEIR_TELEMETRY_PARTITIONS: telemetry.partitions: got 0",
		"WEIR_CLICKHOUSE_DSN=ftp://a:b@host": `environment variable WEIR_CLICKHOUSE_DSN: clickhouse.dsn: got "ftp://a:********@host": want http://`,
		"WEIR_KAFKA_BROKER=a:1":              "environment variable WEIR_KAFKA_BROKER sets no key: did you mean WEIR_KAFKA_BROKERS?",
		"WEIR_CLICKHOUSE_DNS=http://a":       "did you mean WEIR_CLICKHOUSE_DSN?",
		"WEIR_KAFKA_BROKERS=":                "environment variable WEIR_KAFKA_BROKERS: kafka.brokers: got none",
		"WEIR_ROLE=rules":                    "did you mean WEIR_ROLES?",
		"WEIR_HTTP_PORT=8686":                "environment variable WEIR_HTTP_PORT sets no key: did you mean WEIR_HTTP_ADDR?",
		"WEIR_TELEMETRY=x":                   "environment variable WEIR_TELEMETRY sets no key: a variable is WEIR_ and a key's path, such as WEIR_KAFKA_BROKERS",
	} {
		_, err := LoadConfig(path, []string{"HOME=/", variable})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "weir.yaml") {
			t.Errorf("%s: got %v, want %q in it, and not the file's name", variable, err, want)
		}
	}
	_, err := LoadConfig("", []string{"WEIR_KAFKA_BROKER=a:1", "WEIR_ROLE=rules"})
	if err == nil || !strings.Contains(err.Error(), "WEIR_KAFKA_BROKERS?\n") || !strings.Contains(err.Error(), "WEIR_ROLES?") {
		t.Errorf("got %v, want both variables", err)
	}
	foreign := []string{"WEIR_PARTS=/parts", "WEIR_SERVICE_HOST=10.0.0.1", "WEIR_SERVICE_PORT=8686", "WEIR_SERVICE_PORT_HTTP=8686", "WEIR_PORT=tcp://10.0.0.1:8686",
		"WEIR_PORT_8686_TCP=tcp://10.0.0.1:8686", "WEIR_PORT_8686_TCP_PROTO=tcp", "WEIR_PORT_8686_TCP_PORT=8686", "WEIR_PORT_8686_TCP_ADDR=10.0.0.1",
		"WEIR_RULES_SERVICE_HOST=10.0.0.2", "WEIR_RULES_PORT=tcp://10.0.0.2:8686", "WEIRD=1"}
	if _, err := LoadConfig(path, foreign); err != nil {
		t.Errorf("variables of others are refused: %v", err)
	}
}

// TestVariablesOfSectionsInAList are numbered; they set what the file has.
func TestVariablesOfSectionsInAList(t *testing.T) {
	path := writeConfig(t, "collect:\n  clusters:\n    - {name: eu, system: kafka, brokers: [a:1]}\n    - {name: us, system: kafka, brokers: [b:1]}\n"+
		"    - {name: asia, system: rocketmq, name_servers: [a:1], acl: {access_key: weir, secret_key_file: f}}\n")
	config, err := LoadConfig(path, []string{"WEIR_COLLECT_CLUSTERS_1_SASL_PASSWORD=hunter2", "WEIR_COLLECT_CLUSTERS_2_ACL_SECRET_KEY=hunter3", "WEIR_COLLECT_CLUSTERS_0_BROKERS=c:1,d:1"})
	if err != nil {
		t.Fatal(err)
	}
	clusters := config.Collect.Clusters
	if clusters[1].SASL.Password != "hunter2" || clusters[0].SASL.Password != "" || strings.Join(clusters[0].Brokers, " ") != "c:1 d:1" || clusters[1].Brokers[0] != "b:1" ||
		clusters[2].ACL != (ACLConfig{"weir", "hunter3", "f"}) {
		t.Errorf("got %+v", clusters)
	}
	text, err := config.MaskedYAML()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "hunter") || clusters[1].SASL.Password != "hunter2" {
		t.Errorf("a secret is printed, or masking changes the configuration: %+v\n%s", clusters, text)
	}
	for variable, want := range map[string]string{
		"WEIR_COLLECT_CLUSTERS_3_NAME=x":        "environment variable WEIR_COLLECT_CLUSTERS_3_NAME sets no key",
		"WEIR_COLLECT_CLUSTERS_1_INTERVAL=1m":   "environment variable WEIR_COLLECT_CLUSTERS_1_INTERVAL: collect.clusters.1.interval: got 1m0s, allowed are 500ms",
		"WEIR_COLLECT_CLUSTERS_0_BROKERS=where": `environment variable WEIR_COLLECT_CLUSTERS_0_BROKERS: collect.clusters.0.brokers: got "where", want host:port`,
	} {
		if _, err := LoadConfig(path, []string{variable}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q in it", variable, err, want)
		}
	}
}

func TestMaskedYAMLHidesSecrets(t *testing.T) {
	config := DefaultConfig()
	config.Kafka.SASL.Password = "hunter2"
	config.ClickHouse.DSN = "https://weir:hunter3@host:8443/db?password=hunter4"
	text, err := config.MaskedYAML()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "hunter") {
		t.Errorf("a secret is printed:\n%s", text)
	}
	if !strings.Contains(string(text), "dsn: https://weir:********@host:8443/db?password=********\n") || config.Kafka.SASL.Password != "hunter2" {
		t.Errorf("masking hides what is no secret, or changes the configuration:\n%s", text)
	}
	var again Config
	again, err = LoadConfig(writeConfig(t, string(text)), nil)
	if err != nil {
		t.Errorf("what is printed does not load: %v", err)
	}
	if again.Telemetry != config.Telemetry {
		t.Errorf("got %+v back, want %+v", again.Telemetry, config.Telemetry)
	}
}
