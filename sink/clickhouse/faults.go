package clickhouse

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// fault is what an error of ClickHouse comes to, and what to do about it. No row is lost by any: they are written until they are taken.
type fault struct{ is, remedy string }

var (
	loginFault  = fault{"ClickHouse refuses the user or the password", "give both in clickhouse.dsn"}
	schemaFault = fault{"the tables are not as Weir made them", "put back what the message names; `weir store migrate` creates a table only once"}
)

// faults by the codes of ClickHouse's ErrorCodes.cpp.
var faults = map[int32]fault{
	252: {"ClickHouse has too many parts: it merges them slower than rows come, and takes none until it has caught up", "see system.merges, and whether its disk and CPU keep up"},
	243: {"ClickHouse's disk is full", "free or add space, or keep rows for a shorter time by clickhouse.retention"},
	241: {"ClickHouse is short of memory", "see system.processes for what takes it, or give it more"},
	164: {"ClickHouse lets the user only read", "give the user of clickhouse.dsn a profile without readonly"},
	242: {"a table is read-only, as where a replica has lost its Keeper", "see system.replicas, and the server's log for why"},
	497: {"the user lacks a grant", "grant what the message names; docs/operations.md has all"},
	81:  {"the database is not there", "create the one that clickhouse.dsn names"},
	192: loginFault, 193: loginFault, 194: loginFault, 516: loginFault,
	10: schemaFault, 16: schemaFault, 60: schemaFault,
}

// passing are the codes of what may be over soon: timeouts, too many queries, networks, replicas and Keeper, a server that is short of
// memory, has too many parts or does not write yet.
var passing = []int32{159, 160, 202, 209, 210, 225, 241, 242, 252, 279, 285, 286, 319, 341, 517, 999}

// passes says that a statement that failed may succeed soon: the server says so, or gave no answer.
func passes(err error) bool {
	var exception *driver.Exception
	return !errors.As(err, &exception) || slices.Contains(passing, exception.Code)
}

// faultOf finds what an exception comes to. Where a file cannot be written its code is the same whatever the reason.
func faultOf(e *driver.Exception) (fault, bool) {
	if strings.Contains(e.Message, "No space left on device") {
		return faults[243], true
	}
	found, known := faults[e.Code]
	return found, known
}

// explained says of an error what it is and what to do, where that is known.
func explained(err error) error {
	var page *pageError
	if errors.As(err, &page) {
		return fmt.Errorf("not ClickHouse but something in between answers at the address of clickhouse.dsn, with %w; see what is there, such as a proxy or a login page", page)
	}
	var exception *driver.Exception
	if errors.As(err, &exception) {
		if found, known := faultOf(exception); known {
			return fmt.Errorf("%s; %s: %w", found.is, found.remedy, err)
		}
		return err
	}
	var answer *driver.HTTPError
	if errors.As(err, &answer) && strings.Contains(answer.Error(), "<") { // quotes all of it
		return explained(&pageError{answer.StatusCode, pageOf(answer.Error())})
	}
	var request *url.Error // which quotes the address with all parameters, and differs by what was asked
	if errors.As(err, &request) {
		return fmt.Errorf("%w: %w", errNoAnswer, request.Err)
	}
	if err != nil && answer == nil && strings.Contains(err.Error(), serverHello) {
		return fmt.Errorf("what answers at the address of clickhouse.dsn does not answer as ClickHouse does; see what is there, such as a proxy or another server: %w", err)
	}
	return err
}

// serverHello is what the driver says of the first question of a connection over HTTP, whose answer it does not understand.
const serverHello = "failed to query server hello"

// pageError is an answer that is none of ClickHouse's.
type pageError struct {
	status int
	text   string // what came with it
}

func (p *pageError) Error() string { return fmt.Sprintf("HTTP status %d%s", p.status, p.text) }

// pageOf says what a text is that something in between answers.
func pageOf(text string) string {
	if !strings.HasPrefix(strings.TrimSpace(text), "<") && !strings.Contains(text, "<html") && !strings.Contains(text, "<HTML") {
		return fmt.Sprintf(" and %.100q, where ClickHouse says nothing", text)
	}
	if title := titleOf(text); title != "" {
		return fmt.Sprintf(" and a web page titled %q", title)
	}
	return " and a web page"
}

var pageTitle = regexp.MustCompile(`(?is)<title[^>]*>\s*([^<]{1,100})`)

// titleOf is a page's title, of which there may be none.
func titleOf(page string) string {
	if found := pageTitle.FindStringSubmatch(page); found != nil {
		return strings.TrimSpace(found[1])
	}
	return ""
}

// refusePages has an answer be an error that is none of ClickHouse's and would pass for one: the driver takes any with the status 200 for
// that of an insert, and the rows were lost. ClickHouse answers no statement with a page, an insert with nothing, and leads nowhere else.
func refusePages(of *http.Transport) (http.RoundTripper, error) { return pageRefuser{of}, nil }

type pageRefuser struct{ of http.RoundTripper }

// inserts says that a request does: of rows the address has the statement, and of a statement by itself the body.
func inserts(request *http.Request) (bool, error) {
	const begin = "INSERT "
	if strings.HasPrefix(request.URL.Query().Get("query"), begin) {
		return true, nil
	}
	if request.GetBody == nil { // rows, which can be read but once
		return false, nil
	}
	body, err := request.GetBody()
	if err != nil {
		return false, err
	}
	text, err := io.ReadAll(io.LimitReader(body, int64(len(begin))))
	return string(text) == begin, errors.Join(err, body.Close())
}

// RoundTrip asks, and reads no more of a page than its begin.
func (p pageRefuser) RoundTrip(request *http.Request) (*http.Response, error) {
	insert, err := inserts(request)
	if err != nil {
		return nil, err
	}
	response, err := p.of.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	page := strings.HasPrefix(response.Header.Get("Content-Type"), "text/html")
	leads := response.StatusCode >= 300 && response.StatusCode < 400
	if !leads && (response.StatusCode != http.StatusOK || !page && !insert) {
		return response, nil
	}
	begin, err := io.ReadAll(io.LimitReader(response.Body, maxErrorBytes))
	if err == nil && len(begin) == 0 && !page && !leads {
		return response, nil
	}
	if closeErr := response.Body.Close(); err != nil || closeErr != nil {
		return nil, errors.Join(err, closeErr)
	}
	if leads {
		return nil, &pageError{response.StatusCode, ", which leads to " + response.Header.Get("Location")}
	}
	return nil, &pageError{response.StatusCode, pageOf(string(begin))}
}
