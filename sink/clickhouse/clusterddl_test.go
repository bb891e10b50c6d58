package clickhouse

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestClusterDDL: what migrations are for a cluster, in testdata/cluster.sql. The engine's own parser takes each statement. It has no
// cluster to run them on.
func TestClusterDDL(t *testing.T) {
	t.Parallel()
	database := shared.database(t)
	d := &clusterDDL{cluster: "weir_cluster", database: "weir", sharded: map[string]bool{}}
	var out strings.Builder
	all := append([]Migration{{0, "before_all", []string{createSchemaLocks, createSchemaMigrations, createSchemaFills}}}, knownMigrations(t)...)
	all = append(all, Migration{9999, "retention", []string{"ALTER TABLE rollup_10s MODIFY SETTING ttl_only_drop_parts = 0", "ALTER TABLE ledger MODIFY TTL segment_minute + toIntervalDay(14)"}})
	made, err := d.rewriteAll(all)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range made {
		fmt.Fprintf(&out, "-- %s\n", m.file())
		for _, statement := range m.Statements {
			fmt.Fprintf(&out, "%s;\n", statement)
			_, sql := cutComments(strings.ReplaceAll(statement, "{hour}", "toDateTime(0)"))
			parsed := shared.query(t, database, "SELECT formatQuerySingleLine("+quoted(sql)+")")
			if parsed == "" {
				t.Errorf("the engine reads nothing in %s", statement)
			}
			shared.query(t, database, "EXPLAIN AST "+sql)
		}
	}
	const golden = "testdata/cluster.sql"
	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("the statements are not those of %s: run the test with -update, and read what is new\n%s", golden, out.String())
	}
}

// TestClusterStatements are the kinds that migrations are made of.
func TestClusterStatements(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, statements, want string }{
		{"a table by topic is sharded",
			"-- Sums.\nCREATE TABLE IF NOT EXISTS sums (\n    env String, cluster String, topic String, n UInt64\n)\nENGINE = SummingMergeTree(n)\nORDER BY (env, cluster,\n          toStartOfHour(ts), topic)\nTTL ts + INTERVAL 1 DAY",
			"-- Sums.\nCREATE TABLE IF NOT EXISTS sums_local ON CLUSTER 'c' (\n    env String, cluster String, topic String, n UInt64\n)\nENGINE = ReplicatedSummingMergeTree('/clickhouse/weir/{database}/sums_local/{shard}', '{replica}', n)\nORDER BY (env, cluster,\n          toStartOfHour(ts), topic)\nTTL ts + INTERVAL 1 DAY;\n" +
				"CREATE TABLE IF NOT EXISTS sums ON CLUSTER 'c' AS sums_local\nENGINE = Distributed('c', 'db', 'sums_local', cityHash64(env, cluster, topic))"},
		{"any other is on all servers, also where only its TTL or settings have a topic",
			"CREATE TABLE IF NOT EXISTS t (\n    topic String\n)\nENGINE = MergeTree\nORDER BY (env, cluster)\nTTL topic + env",
			"CREATE TABLE IF NOT EXISTS t ON CLUSTER 'c' (\n    topic String\n)\nENGINE = ReplicatedMergeTree('/clickhouse/weir/{database}/t/all', '{shard}-{replica}')\nORDER BY (env, cluster)\nTTL topic + env"},
		{"a view asks subqueries once",
			"CREATE VIEW IF NOT EXISTS v AS SELECT a FROM sums FINAL LEFT JOIN t USING a ARRAY JOIN b LEFT ARRAY JOIN c WHERE a IN (SELECT a FROM sums) AND b NOT IN (\n    SELECT b FROM t)",
			"CREATE VIEW IF NOT EXISTS v ON CLUSTER 'c' AS SELECT a FROM sums FINAL GLOBAL LEFT JOIN t USING a ARRAY JOIN b LEFT ARRAY JOIN c WHERE a GLOBAL IN (SELECT a FROM sums) AND b GLOBAL NOT IN (\n    SELECT b FROM t)"},
		{"a view that takes the place of one", "CREATE OR REPLACE VIEW v AS SELECT 1", "CREATE OR REPLACE VIEW v ON CLUSTER 'c' AS SELECT 1"},
		{"a view is gone", "DROP VIEW IF EXISTS v", "DROP VIEW IF EXISTS v ON CLUSTER 'c'"},
		{"a materialized view hears of rows where they are", "CREATE MATERIALIZED VIEW IF NOT EXISTS m TO sums AS\nSELECT * FROM sums JOIN t",
			"CREATE MATERIALIZED VIEW IF NOT EXISTS m ON CLUSTER 'c' TO sums AS\nSELECT * FROM sums_local JOIN t"},
		{"and so does one that is changed", "ALTER TABLE m MODIFY QUERY SELECT 1 FROM sums", "ALTER TABLE m ON CLUSTER 'c' MODIFY QUERY SELECT 1 FROM sums_local"},
		{"columns are those of both", "ALTER TABLE sums ADD COLUMN IF NOT EXISTS x Bool AFTER n", "ALTER TABLE sums_local ON CLUSTER 'c' ADD COLUMN IF NOT EXISTS x Bool AFTER n;\nALTER TABLE sums ON CLUSTER 'c' ADD COLUMN IF NOT EXISTS x Bool AFTER n"},
		{"columns of one", "ALTER TABLE t ADD COLUMN IF NOT EXISTS x Bool", "ALTER TABLE t ON CLUSTER 'c' ADD COLUMN IF NOT EXISTS x Bool"},
		{"an index is where the rows are", "ALTER TABLE sums ADD INDEX IF NOT EXISTS i n TYPE minmax", "ALTER TABLE sums_local ON CLUSTER 'c' ADD INDEX IF NOT EXISTS i n TYPE minmax"},
		{"rows are copied once", "INSERT INTO t SELECT * FROM sums", "INSERT INTO t SELECT * FROM sums"},
		{"a sharded table is gone", "DROP TABLE IF EXISTS sums", "DROP TABLE IF EXISTS sums ON CLUSTER 'c';\nDROP TABLE IF EXISTS sums_local ON CLUSTER 'c' SYNC"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := &clusterDDL{cluster: "c", database: "db", sharded: map[string]bool{"sums": true}}
			got, err := d.rewrite([]string{c.statements})
			if err != nil || strings.Join(got, ";\n") != c.want {
				t.Errorf("got %v\n%s\nwant\n%s", err, strings.Join(got, ";\n"), c.want)
			}
		})
	}
}

// TestClusterRefuses what would be something else on a cluster than on one server.
func TestClusterRefuses(t *testing.T) {
	t.Parallel()
	d := &clusterDDL{cluster: "c", database: "db", sharded: map[string]bool{}}
	for statement, want := range map[string]string{
		"RENAME TABLE a TO b":                                                 `got "RENAME TABLE a TO b", which is not known for clusters`,
		"CREATE TABLE a (\n    x Int8\n)\nENGINE = Memory":                    `got "CREATE TABLE a", which is not known`,
		"-- Why.\nALTER TABLE a ADD COLUMN x Int8, ADD INDEX i x TYPE minmax": "want either changes of columns or of anything else",
	} {
		if _, err := d.rewrite([]string{statement}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", statement, err, want)
		}
	}
}

// TestAStoreOfOneServerIsNoClusters: what was made for the one is not taken for the other.
func TestAStoreOfOneServerIsNoClusters(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.config.Cluster = "weir_cluster"
	err := s.Migrate(t.Context())
	if err == nil || !strings.Contains(err.Error(), "are those of one server, and clickhouse.cluster is \"weir_cluster\": leave it empty, or name a new database") {
		t.Errorf("got %v", err)
	}
}
