package chdb

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Parameters of a request that are neither settings nor the query's own parameters.
const (
	paramQuery    = "query"
	paramDatabase = "database"
	paramFormat   = "default_format"
	paramCompress = "compress"
	paramExpand   = "decompress"
	paramRevision = "client_protocol_version"
	paramPrefix   = "param_"
)

// reserved are the parameters that are not settings. The engine is one user's own, so the last rows, which a server
// would act on, are accepted and have no effect.
var reserved = []string{
	paramQuery, paramDatabase, paramFormat, paramCompress, paramExpand, paramRevision,
	"query_id", "session_id", "role", "quota_key", "user", "password", "wait_end_of_query",
}

var (
	insertFormat = regexp.MustCompile(`(?is)^(\s*insert\s+into\s.*?)(\s+settings\s+[^()]*?)?\s+format\s+(\w+)\s*;?\s*$`)
	outputFormat = regexp.MustCompile(`(?is)\sformat\s+(\w+)(\s+settings\s[^()]*)?\s*;?\s*$`)
	readStart    = regexp.MustCompile(`(?i)^[\s(]*(select|with|show|describe|desc|exists|explain)\b`)
)

// preamble are the statements that give a session what the request's parameters ask for.
func preamble(params url.Values) []string {
	var statements []string
	if database := params.Get(paramDatabase); database != "" {
		statements = append(statements, "USE "+quoteName(database))
	}
	names := make([]string, 0, len(params))
	for name := range params {
		if !slices.Contains(reserved, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		statements = append(statements, "SET "+quoteName(name)+" = "+quote(params.Get(name)))
	}
	return statements
}

// quote is s as a ClickHouse string literal.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// quoteName is s as a ClickHouse identifier.
func quoteName(s string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(s) + "`"
}

// fromFile is the INSERT ... FORMAT f statement reading its rows from a file; false where sql is no such statement.
// Rows cannot stand in the statement itself: the engine cuts binary data there short.
func fromFile(sql, path string) (string, bool) {
	match := insertFormat.FindStringSubmatch(sql)
	if match == nil {
		return "", false
	}
	return match[1] + " FROM INFILE " + quote(path) + " COMPRESSION 'none'" + match[2] + " FORMAT " + match[3], true
}

// isNative says whether the answer to sql is in the Native format.
func isNative(sql, defaultFormat string) bool {
	if match := outputFormat.FindStringSubmatch(sql); match != nil {
		return strings.EqualFold(match[1], formatNative)
	}
	return strings.EqualFold(defaultFormat, formatNative)
}
