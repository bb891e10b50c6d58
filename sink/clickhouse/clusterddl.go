package clickhouse

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/cenkalti/backoff/v5"
)

// clusterDDL makes statements for one server into those for a cluster. A table that is sorted by env, cluster and topic is sharded by
// them: rows that replace each other are equal in what they are sorted by, so they meet on one shard, where FINAL finds them. It becomes
// two: name_local has the rows, and name is Distributed. Any other table is small, and every server has all of it, so that it can be
// joined with anywhere.
type clusterDDL struct {
	cluster  string // "" leaves statements as they are
	database string
	sharded  map[string]bool // tables that were created so far
}

// shardingKey says which shard has a row.
const shardingKey = "cityHash64(env, cluster, topic)"

// ddlOf asks what the statements need to know. The error says that the tables are not as configured, which no later attempt mends.
func (s *Store) ddlOf(ctx context.Context) (*clusterDDL, error) {
	d := &clusterDDL{cluster: s.config.Cluster, sharded: map[string]bool{}}
	var engine string
	row := s.conn.QueryRow(ctx, "SELECT currentDatabase(), anyIf(engine, name = 'rollup_10s') FROM system.tables WHERE database = currentDatabase()")
	if err := row.Scan(&d.database, &engine); err != nil {
		return nil, err
	}
	switch distributed := engine == "Distributed"; {
	case engine == "" || distributed == (d.cluster != ""):
		return d, nil
	case distributed:
		return nil, backoff.Permanent(fmt.Errorf("the tables in %s are those of a cluster: name it in clickhouse.cluster", d.database))
	}
	return nil, backoff.Permanent(fmt.Errorf("the tables in %s are those of one server, and clickhouse.cluster is %q: leave it empty, or name a new database in clickhouse.dsn "+
		"and fill it by weir.cells, or by INSERT SELECT", d.database, d.cluster))
}

// ddlOfAll is one that knows all tables.
func (s *Store) ddlOfAll(ctx context.Context) (*clusterDDL, error) {
	d, err := s.ddlOf(ctx)
	if err != nil {
		return nil, err
	}
	files, err := readMigrations()
	if err == nil {
		_, err = d.rewriteAll(files)
	}
	if err != nil {
		return nil, backoff.Permanent(err)
	}
	return d, nil
}

// clusterSettings are what a cluster needs besides those of a DSN: inserts come back when the shards have the rows, and subqueries of
// sharded tables are asked once.
func clusterSettings(of driver.Settings) driver.Settings {
	out := driver.Settings{"insert_distributed_sync": 1, "distributed_product_mode": "global"}
	maps.Copy(out, of)
	return out
}

// The statements that migrations are made of.
var (
	ddlCreateTable = regexp.MustCompile(`(?s)^(CREATE TABLE IF NOT EXISTS) (\w+)( \(.*\n\)\s*)ENGINE = (\w*)MergeTree(?:\(([^()]*)\))?(.*)$`)
	ddlOrderBy     = regexp.MustCompile(`(?s)\bORDER BY (.*?)(?:\n?\bTTL\b|\n?\bSETTINGS\b|$)`)
	ddlCreateView  = regexp.MustCompile(`(?s)^(CREATE (?:OR REPLACE )?VIEW(?: IF NOT EXISTS)?) (\w+)\b(.*)$`)
	ddlCreateFlow  = regexp.MustCompile(`(?s)^(CREATE MATERIALIZED VIEW IF NOT EXISTS) (\w+)( TO \w+\b)(.*)$`)
	ddlAlter       = regexp.MustCompile(`(?s)^ALTER TABLE (\w+) (.*)$`)
	ddlDrop        = regexp.MustCompile(`^DROP (VIEW|TABLE) IF EXISTS (\w+)$`)
	ddlInsert      = regexp.MustCompile(`^INSERT INTO \w+\b`)

	// Of columns, which the Distributed table has too; all else of ALTER is of where the rows are.
	ddlOfColumns = regexp.MustCompile(`^(?:ADD|DROP|MODIFY|RENAME|COMMENT) COLUMN\b`)
	ddlOfRows    = regexp.MustCompile(`\b(?:ADD|DROP|MATERIALIZE|CLEAR) (?:INDEX|PROJECTION|CONSTRAINT|STATISTICS)\b|\b(?:MODIFY|RESET|MATERIALIZE) (?:TTL|SETTING|ORDER BY|SAMPLE BY|QUERY)\b|\b(?:UPDATE|DELETE)\b`)

	ddlSubquery = regexp.MustCompile(`\b((?:NOT )?IN \(\s*SELECT)\b`)
	ddlJoin     = regexp.MustCompile(`\b(?:(?:LEFT|RIGHT|INNER|FULL|OUTER|CROSS|ANY|ALL|ASOF|SEMI|ANTI|ARRAY) )*JOIN\b`)
	ddlSource   = regexp.MustCompile(`\b(FROM|JOIN) (\w+)\b`)
)

// rewrite returns what runs on the cluster in place of statements. It has to see all that came before, in their order.
func (d *clusterDDL) rewrite(statements []string) ([]string, error) {
	if d.cluster == "" {
		return statements, nil
	}
	var out []string
	for _, statement := range statements {
		comments, sql := cutComments(statement)
		made, err := d.statement(sql)
		if err != nil {
			return nil, err
		}
		made[0] = comments + made[0]
		out = append(out, made...)
	}
	return out, nil
}

// rewriteAll rewrites migrations, from the first on.
func (d *clusterDDL) rewriteAll(files []Migration) ([]Migration, error) {
	out := slices.Clone(files)
	for i := range out {
		var err error
		if out[i].Statements, err = d.rewrite(out[i].Statements); err != nil {
			return nil, fmt.Errorf("migration %s: %w", out[i].file(), err)
		}
	}
	return out, nil
}

// cutComments splits off the lines of comments before a statement.
func cutComments(statement string) (comments, sql string) {
	sql = statement
	for strings.HasPrefix(sql, "--") {
		_, sql, _ = strings.Cut(sql, "\n")
	}
	return statement[:len(statement)-len(sql)], sql
}

func (d *clusterDDL) statement(sql string) ([]string, error) {
	if m := ddlCreateTable.FindStringSubmatch(sql); m != nil {
		return d.createTable(m[1:]), nil
	}
	if m := ddlCreateView.FindStringSubmatch(sql); m != nil {
		return []string{m[1] + " " + m[2] + d.on() + askedOnce(m[3])}, nil
	}
	if m := ddlCreateFlow.FindStringSubmatch(sql); m != nil {
		return []string{m[1] + " " + m[2] + d.on() + m[3] + d.fromLocal(m[4])}, nil
	}
	if m := ddlAlter.FindStringSubmatch(sql); m != nil {
		return d.alter(m[1], m[2])
	}
	if m := ddlDrop.FindStringSubmatch(sql); m != nil {
		return d.drop(m[1], m[2]), nil
	}
	if ddlInsert.MatchString(sql) {
		return []string{sql}, nil // into what is Distributed, or is on all servers
	}
	return nil, fmt.Errorf("got %q, which is not known for clusters: want CREATE TABLE, CREATE VIEW, CREATE MATERIALIZED VIEW TO, ALTER TABLE, DROP or INSERT, as other migrations write them", firstLine(sql))
}

// on is where a statement runs.
func (d *clusterDDL) on() string { return " ON CLUSTER '" + d.cluster + "'" }

// localSuffix is behind the name of the table that has the rows of one that is Distributed.
const localSuffix = "_local"

// local is the table that has the rows.
func (d *clusterDDL) local(table string) string {
	if d.sharded[table] {
		return table + localSuffix
	}
	return table
}

// createTable takes what stands before the name, the name, the columns, the engine's kind, its arguments and the rest.
func (d *clusterDDL) createTable(of []string) []string {
	create, table, columns, kind, arguments, rest := of[0], of[1], of[2], of[3], of[4], of[5]
	order := ddlOrderBy.FindStringSubmatch(rest)
	d.sharded[table] = order != nil && hasWords(order[1], "env", "cluster", "topic")
	path, replica := "/clickhouse/weir/{database}/"+d.local(table)+"/all", "{shard}-{replica}"
	if d.sharded[table] {
		path, replica = "/clickhouse/weir/{database}/"+d.local(table)+"/{shard}", "{replica}"
	}
	if arguments != "" {
		arguments = ", " + arguments
	}
	out := []string{create + " " + d.local(table) + d.on() + columns + "ENGINE = Replicated" + kind + "MergeTree('" + path + "', '" + replica + "'" + arguments + ")" + rest}
	if d.sharded[table] {
		out = append(out, create+" "+table+d.on()+" AS "+d.local(table)+"\nENGINE = Distributed('"+d.cluster+"', '"+d.database+"', '"+d.local(table)+"', "+shardingKey+")")
	}
	return out
}

// hasWords says that a text has all words.
func hasWords(text string, words ...string) bool {
	for _, word := range words {
		if !regexp.MustCompile(`\b` + word + `\b`).MatchString(text) {
			return false
		}
	}
	return true
}

// fromLocal has a materialized view read what is written on its server: it hears of rows where they are.
func (d *clusterDDL) fromLocal(query string) string {
	return ddlSource.ReplaceAllStringFunc(query, func(text string) string {
		word, table, _ := strings.Cut(text, " ")
		return word + " " + d.local(table)
	})
}

// askedOnce has the subqueries of a view be asked once, and not by each shard.
func askedOnce(query string) string {
	query = ddlSubquery.ReplaceAllString(query, "GLOBAL $1")
	return ddlJoin.ReplaceAllStringFunc(query, func(join string) string {
		if strings.Contains(join, "ARRAY") { // is of a row's own
			return join
		}
		return "GLOBAL " + join
	})
}

func (d *clusterDDL) alter(table, commands string) ([]string, error) {
	ofColumns, ofRows := ddlOfColumns.MatchString(commands), ddlOfRows.MatchString(commands)
	if ofColumns == ofRows {
		return nil, fmt.Errorf("got ALTER TABLE %s %s, want either changes of columns or of anything else: write two statements", table, firstLine(commands))
	}
	out := []string{"ALTER TABLE " + d.local(table) + d.on() + " " + d.fromLocal(commands)}
	if ofColumns && d.sharded[table] {
		out = append(out, "ALTER TABLE "+table+d.on()+" "+commands)
	}
	return out, nil
}

func (d *clusterDDL) drop(kind, name string) []string {
	var out []string
	if d.sharded[name] {
		out = append(out, "DROP TABLE IF EXISTS "+name+d.on())
	}
	if kind == "TABLE" { // a path of the same name may be used again only when it is gone
		out = append(out, "DROP TABLE IF EXISTS "+d.local(name)+d.on()+" SYNC")
		delete(d.sharded, name)
		return out
	}
	return append(out, "DROP "+kind+" IF EXISTS "+name+d.on())
}
